//! The tower layer that marks credentials, in requests and in answers, so that nothing further in can show one by accident:
//! a marked value prints as `Sensitive`, and is never put into a table that HTTP/2 could leak it from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// Puts a [`MarkSecrets`] around a service.
#[derive(Debug, Clone)]
pub struct MarkSecretsLayer {
    secrets: Arc<Secrets>,
}

/// The names of headers whose values are credentials.
#[derive(Debug)]
struct Secrets {
    names: Arc<[HeaderName]>,
    /// How long they are, a bit for each length up to 63; longer names count as that.
    lengths: u64,
}

impl MarkSecretsLayer {
    /// The values of these headers are credentials.
    pub fn new(names: Arc<[HeaderName]>) -> Self {
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name));
        Self { secrets: Arc::new(Secrets { names, lengths }) }
    }
}

fn length_bit(name: &HeaderName) -> u64 {
    1 << name.as_str().len().min(63)
}

impl<S> Layer<S> for MarkSecretsLayer {
    type Service = MarkSecrets<S>;

    fn layer(&self, inner: S) -> MarkSecrets<S> {
        MarkSecrets { inner, secrets: Arc::clone(&self.secrets) }
    }
}

/// Marks the credentials in what the inner service is asked and answers.
#[derive(Debug, Clone)]
pub struct MarkSecrets<S> {
    inner: S,
    secrets: Arc<Secrets>,
}

impl<S, A, B> Service<Request<A>> for MarkSecrets<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = MarkSecretsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        self.secrets.mark(request.headers_mut());
        MarkSecretsFuture { inner: self.inner.call(request), secrets: Arc::clone(&self.secrets) }
    }
}

pin_project! {
    /// The answer of a [`MarkSecrets`].
    pub struct MarkSecretsFuture<F> {
        #[pin]
        inner: F,
        secrets: Arc<Secrets>,
    }
}

impl<F, B, E> Future for MarkSecretsFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answered = this.inner.poll(cx);
        if let Poll::Ready(Ok(response)) = &mut answered {
            this.secrets.mark(response.headers_mut());
        }
        answered
    }
}

impl Secrets {
    /// By what is there rather than by what could be: most heads have none of them.
    fn mark(&self, headers: &mut HeaderMap) {
        for (name, value) in headers.iter_mut() {
            if self.lengths & length_bit(name) != 0 && self.names.contains(name) {
                value.set_sensitive(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::HeaderValue;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn every_value_of_a_credential_is_marked_both_ways_and_no_other() {
        let names = [HeaderName::from_static("cookie"), HeaderName::from_static("set-cookie")];
        let service = MarkSecretsLayer::new(names.into()).layer(service_fn(async |request: Request<()>| {
            let marked = request.headers().iter().filter(|(_, value)| value.is_sensitive()).count();
            let mut response = Response::new(marked);
            response.headers_mut().append("set-cookie", HeaderValue::from_static("a=1"));
            response.headers_mut().append("set-cookie", HeaderValue::from_static("b=2"));
            response.headers_mut().append("server", HeaderValue::from_static("test"));
            Ok::<_, Infallible>(response)
        }));
        let request = Request::builder().header("cookie", "a=1").header("cookie", "b=2").header("host", "h");
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(*response.body(), 2);
        assert!(response.headers().get_all("set-cookie").iter().all(HeaderValue::is_sensitive));
        assert!(!response.headers()["server"].is_sensitive());
    }
}
