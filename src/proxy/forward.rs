//! Puts a client's request into the form in which it goes out, and the upstream's answer into the one that comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{
    Extensions, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tower::Service;

use super::body::Body;
use super::client::Client;
use super::error::ProxyError;
use super::headers::{
    Present, has_one_length, has_plain_framing, is_authority, join_cookies, strip_hop_by_hop,
    upgrade_protocol,
};
use super::hops::{Hop, HopParams, via};
use super::request_body::{BodyPatience, RequestBody};
use super::upgrade::{Occupied, Tunnels};
use super::upload::Upload;

/// What forwarding depends on.
#[derive(Debug, Clone)]
pub struct ForwardParams {
    /// The configured name of the `Gloss` header, which `Connection` cannot take away.
    pub opt_in_header: HeaderName,
    /// Whether `Host` becomes the upstream's own.
    pub rewrite_host: bool,
    /// How long a client may take for a body.
    pub body_patience: BodyPatience,
    /// How many headers a request may have.
    pub max_headers: usize,
    /// What is told of the way that messages came.
    pub hops: HopParams,
    /// Whether header names go out as they came in.
    pub preserve_header_case: bool,
}

/// The innermost service: what reaches it goes to the upstream. A clone shares everything.
#[derive(Debug, Clone)]
pub struct Forward(Arc<Forwarder>);

#[derive(Debug)]
struct Forwarder {
    client: Client,
    params: ForwardParams,
    tunnels: Tunnels,
}

impl Forward {
    /// Forwards by `client`; upgraded connections are kept in `tunnels`.
    pub fn new(client: Client, params: ForwardParams, tunnels: Tunnels) -> Self {
        Self(Arc::new(Forwarder { client, params, tunnels }))
    }
}

impl Service<Request<Incoming>> for Forward {
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, ProxyError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let upload = if request.body().is_end_stream() { Upload::none() } else { Upload::begin() };
        let overheard = request.extensions_mut().remove();
        let patience = self.0.params.body_patience;
        let request = request.map(|body| RequestBody::new(body, upload.clone(), patience, overheard));
        Box::pin(Arc::clone(&self.0).forward(request, upload))
    }
}

/// What gloss asks of its own accord, for a caller who has asked before.
impl Service<Request<Empty<Bytes>>> for Forward {
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, ProxyError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        Box::pin(Arc::clone(&self.0).forward(request.map(|_| RequestBody::Empty), Upload::none()))
    }
}

impl Forwarder {
    async fn forward(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        upload: Upload,
    ) -> Result<Response<Body>, ProxyError> {
        let present = Present::of(request.headers());
        // HTTP/1.0 cannot switch (RFC 9110, section 7.8).
        let may_switch = present.upgrade && request.version() == Version::HTTP_11;
        let upgrade = may_switch.then(|| upgrade_protocol(request.headers())).flatten();
        let client_side = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let place = request.extensions_mut().remove::<Occupied>();
        let outgoing = self.outgoing(request, present, upgrade)?;
        let mut response = self.client.send(outgoing, &upload).await?;
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let accepted = switches.then(|| upgrade_protocol(response.headers())).flatten();
        if Present::of(response.headers()).hop_by_hop {
            strip_hop_by_hop(response.headers_mut(), &self.params.opt_in_header);
        }
        if self.params.hops.via {
            let came_in = response.version();
            via(response.headers_mut(), came_in);
        }
        *response.version_mut() = Version::HTTP_11;
        if switches {
            self.switch(&mut response, client_side.zip(accepted), place)?;
        } else if client_side.is_some() {
            // What follows on the connection may be meant for the protocol that was declined.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    /// The request as it goes out. Extensions stay behind, since they belong to the client's connection, but for the one
    /// in which hyper keeps how header names were written.
    fn outgoing(
        &self,
        request: Request<RequestBody>,
        present: Present,
        upgrade: Option<HeaderValue>,
    ) -> Result<Request<RequestBody>, ProxyError> {
        if request.method() == Method::CONNECT {
            return Err(ProxyError::ConnectMethod);
        }
        // The HTTP library counts them for HTTP/1 only.
        if request.headers().len() > self.params.max_headers {
            return Err(ProxyError::ManyHeaders(self.params.max_headers));
        }
        let (mut parts, body) = request.into_parts();
        let is_odd = present.coding && !has_plain_framing(&parts.headers);
        if is_odd || (present.lengths > 1 && !has_one_length(&mut parts.headers)) {
            return Err(ProxyError::ClientBody);
        }
        let host = self.host(&parts, present.hosts)?;
        let hop = Hop::of(&parts, self.params.hops);
        if present.hop_by_hop {
            strip_hop_by_hop(&mut parts.headers, &self.params.opt_in_header);
        }
        if parts.version == Version::HTTP_2 {
            join_cookies(&mut parts.headers);
        }
        if let Some(host) = host {
            parts.headers.insert(header::HOST, host);
        }
        if let Some(hop) = hop {
            hop.announce(&mut parts.headers, self.params.hops);
        }
        if let Some(protocol) = upgrade {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(header::UPGRADE, protocol);
        }
        // hyper sends no body with GET and HEAD unless a header tells of one.
        if !body.is_end_stream() && present.lengths == 0 {
            parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        parts.uri = origin_form(&parts.uri, &parts.method)?;
        parts.version = Version::HTTP_11;
        if self.params.preserve_header_case {
            parts.extensions.remove::<OnUpgrade>();
        } else {
            parts.extensions = Extensions::new();
        }
        Ok(Request::from_parts(parts, body))
    }

    /// The `Host` to set; `None` leaves the client's own.
    ///
    /// The target's authority wins over the header (RFC 9112, section 3.2.2). HTTP/1.1 needs exactly one `Host`.
    fn host(&self, parts: &http::request::Parts, named: usize) -> Result<Option<HeaderValue>, ProxyError> {
        if named > 0 && parts.headers.get_all(header::HOST).iter().any(|host| !is_authority(host)) {
            return Err(ProxyError::Target);
        }
        if named > 1 || (named == 0 && parts.version == Version::HTTP_11) {
            return Err(ProxyError::Target);
        }
        if self.params.rewrite_host {
            return Ok(Some(self.client.upstream().authority().clone()));
        }
        match parts.uri.authority() {
            // Credentials in a target are for nobody's eyes (RFC 9110, section 4.2.4).
            Some(target) if target.as_str().contains('@') => Err(ProxyError::Target),
            Some(target) => HeaderValue::from_str(target.as_str()).map(Some).map_err(|_| ProxyError::Target),
            None if named == 0 => Ok(Some(self.client.upstream().authority().clone())),
            None => Ok(None),
        }
    }

    /// Completes a 101: without a client that asked for it, the answer makes no sense.
    fn switch(
        &self,
        response: &mut Response<Body>,
        asked: Option<(OnUpgrade, HeaderValue)>,
        place: Option<Occupied>,
    ) -> Result<(), ProxyError> {
        let Some((client, protocol)) = asked else { return Err(ProxyError::UnaskedUpgrade) };
        let upstream = hyper::upgrade::on(&mut *response);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(header::UPGRADE, protocol);
        self.tunnels.join(client, upstream, place);
        Ok(())
    }
}

/// The target without scheme and authority, byte for byte.
///
/// Refused are the authority alone, which only CONNECT may ask for, and `*` for anything but OPTIONS.
fn origin_form(uri: &Uri, method: &Method) -> Result<Uri, ProxyError> {
    if uri.authority().is_some() && uri.scheme().is_none() {
        return Err(ProxyError::Target);
    }
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if target.as_str() == "*" && method != Method::OPTIONS {
        return Err(ProxyError::Target);
    }
    Ok(Uri::from(target))
}
