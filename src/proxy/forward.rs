//! Puts a client's request into the form in which it goes out, and the upstream's answer into the one that comes back.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{
    Extensions, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
};
use http_body_util::Empty;
use hyper::body::Body as _;
use hyper::upgrade::OnUpgrade;
use tower::Service;

use super::body::Body;
use super::client::{Client, Outgoing};
use super::error::ProxyError;
use super::from_client::{ClientAddress, FromClient, asked_for};
use super::headers::{
    Present, has_one_length, has_plain_framing, is_authority, join_cookies, strip_hop_by_hop,
    upgrade_protocol,
};
use super::hops::{Hop, HopParams, via};
use super::http1::ConnectionError;
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

impl Service<Request<FromClient>> for Forward {
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = Forwarded;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<FromClient>) -> Self::Future {
        let client = request.body().client();
        let upload = if request.body().is_end_stream() { Upload::none() } else { Upload::begin() };
        let overheard = request.extensions_mut().remove();
        let patience = self.0.params.body_patience;
        let body =
            |body: FromClient| RequestBody::new(body.into_incoming(), upload.clone(), patience, overheard);
        let request = request.map(body);
        Arc::clone(&self.0).forward(request, client, upload)
    }
}

/// What gloss asks of its own accord, for a caller who has asked before.
impl Service<Request<Empty<Bytes>>> for Forward {
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = Forwarded;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        let client = asked_for(&request);
        Arc::clone(&self.0).forward(request.map(|_| RequestBody::empty()), client, Upload::none())
    }
}

/// The answer of a [`Forward`].
type Forwarded = Pin<Box<dyn Future<Output = Result<Response<Body>, ProxyError>> + Send>>;

/// What a request to switch protocols brings along.
struct Switching {
    client: OnUpgrade,
    place: Option<Occupied>,
}

impl Forwarder {
    /// What needs no wait is done before there is a future, which then has to hold the request once.
    fn forward(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        client: ClientAddress,
        upload: Upload,
    ) -> Forwarded {
        let present = Present::of(request.headers());
        // HTTP/1.0 cannot switch (RFC 9110, section 7.8).
        let may_switch = present.upgrade && request.version() == Version::HTTP_11;
        let protocol = may_switch.then(|| upgrade_protocol(request.headers())).flatten();
        let switching = protocol.is_some().then(|| {
            let client = hyper::upgrade::on(&mut request);
            Box::new(Switching { client, place: request.extensions_mut().remove() })
        });
        if let Err(error) = self.make_outgoing(&mut request, client, present, protocol) {
            return Box::pin(ready(Err(error)));
        }
        // On the heap by itself: both are of a size that is quickly had, and together they are not.
        let mut outgoing = Box::new(Outgoing::of(request, switching.is_some()));
        Box::pin(async move {
            // One variable from here to the client, and changed where it lies: an answer is large.
            let mut answered = self.client.send(&mut outgoing, &upload).await;
            if let Ok(response) = &mut answered {
                self.hand_back(response, switching)?;
            }
            answered
        })
    }

    /// Puts an answer into the form in which it comes back.
    fn hand_back(
        &self,
        response: &mut Response<Body>,
        switching: Option<Box<Switching>>,
    ) -> Result<(), ProxyError> {
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let accepted = switches.then(|| upgrade_protocol(response.headers())).flatten();
        let present = Present::of(response.headers());
        // The length that an answer to HEAD tells of was not needed to read it; two of them hyper does not send on.
        if present.lengths > 1 && !has_one_length(response.headers_mut()) {
            return Err(ProxyError::Malformed(ConnectionError::Head("lengths that differ")));
        }
        if present.hop_by_hop {
            strip_hop_by_hop(response.headers_mut(), &self.params.opt_in_header);
        }
        if self.params.hops.via {
            let came_in = response.version();
            via(response.headers_mut(), came_in);
        }
        *response.version_mut() = Version::HTTP_11;
        if switches {
            return self.switch(response, switching.zip(accepted));
        }
        if switching.is_some() {
            // What follows on the connection may be meant for the protocol that was declined.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(())
    }

    /// Makes a client's request the one that goes out. Extensions stay behind, since they belong to the client's
    /// connection, but for the one in which hyper keeps how header names were written.
    fn make_outgoing(
        &self,
        request: &mut Request<RequestBody>,
        client: ClientAddress,
        present: Present,
        upgrade: Option<HeaderValue>,
    ) -> Result<(), ProxyError> {
        if request.method() == Method::CONNECT {
            return Err(ProxyError::ConnectMethod);
        }
        // The HTTP library counts them for HTTP/1 only.
        if request.headers().len() > self.params.max_headers {
            return Err(ProxyError::ManyHeaders(self.params.max_headers));
        }
        let is_odd = present.coding && !has_plain_framing(request.headers());
        if is_odd || (present.lengths > 1 && !has_one_length(request.headers_mut())) {
            return Err(ProxyError::ClientBody);
        }
        let host = self.host(request, present.hosts)?;
        let hop = Hop::of(request, client, self.params.hops);
        let is_http2 = request.version() == Version::HTTP_2;
        // hyper sends no body with GET and HEAD unless a header tells of one.
        let is_chunked = !request.body().is_end_stream() && present.lengths == 0;
        let headers = request.headers_mut();
        if present.hop_by_hop {
            strip_hop_by_hop(headers, &self.params.opt_in_header);
        }
        if is_http2 {
            join_cookies(headers);
        }
        if let Some(host) = host {
            headers.insert(header::HOST, host);
        }
        if let Some(hop) = hop {
            hop.announce(headers, self.params.hops);
        }
        if let Some(protocol) = upgrade {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, protocol);
        }
        if is_chunked {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        make_origin_form(request)?;
        *request.version_mut() = Version::HTTP_11;
        if self.params.preserve_header_case {
            request.extensions_mut().remove::<OnUpgrade>();
        } else {
            *request.extensions_mut() = Extensions::new();
        }
        Ok(())
    }

    /// The `Host` to set; `None` leaves the client's own.
    ///
    /// The target's authority wins over the header (RFC 9112, section 3.2.2). HTTP/1.1 needs exactly one `Host`.
    fn host<B>(&self, request: &Request<B>, named: usize) -> Result<Option<HeaderValue>, ProxyError> {
        if named > 0 && request.headers().get_all(header::HOST).iter().any(|host| !is_authority(host)) {
            return Err(ProxyError::Target);
        }
        if named > 1 || (named == 0 && request.version() == Version::HTTP_11) {
            return Err(ProxyError::Target);
        }
        if self.params.rewrite_host {
            return Ok(Some(self.client.upstream().authority().clone()));
        }
        match request.uri().authority() {
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
        asked: Option<(Box<Switching>, HeaderValue)>,
    ) -> Result<(), ProxyError> {
        let Some((switching, protocol)) = asked else { return Err(ProxyError::UnaskedUpgrade) };
        let upstream = hyper::upgrade::on(&mut *response);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(header::UPGRADE, protocol);
        self.tunnels.join(switching.client, upstream, switching.place);
        Ok(())
    }
}

/// Takes scheme and authority away from a target, and leaves the rest byte for byte.
///
/// Refused are the authority alone, which only CONNECT may ask for, and `*` for anything but OPTIONS.
fn make_origin_form<B>(request: &mut Request<B>) -> Result<(), ProxyError> {
    let uri = request.uri();
    if uri.authority().is_some() && uri.scheme().is_none() {
        return Err(ProxyError::Target);
    }
    let target = uri.path_and_query();
    if target.is_some_and(|target| target.as_str() == "*") && request.method() != Method::OPTIONS {
        return Err(ProxyError::Target);
    }
    // Nearly every target has neither.
    if uri.authority().is_none() && target.is_some() {
        return Ok(());
    }
    let target = target.cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(target);
    Ok(())
}
