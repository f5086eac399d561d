//! The storage that a URL names, by the ecosystem's usual variables for credentials, endpoint and region.
//!
//! `s3://BUCKET/PREFIX` reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`,
//! `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP` and what else `object_store` knows (web identity, container and instance
//! credentials; not the files below `~/.aws`); `gs://` `GOOGLE_*`, `az://` `AZURE_*`. Nothing is connected to here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::limit::LimitStore;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, GetResult, ObjectMeta, ObjectStore, RetryConfig,
};
use thiserror::Error;
use url::Url;

use super::failure::Failure;
use super::transport::Transport;
use crate::analysis::LogSourceKind;

/// Requests under way to one storage; further ones wait for their turn.
pub(super) const MAX_REQUESTS: usize = 64;
/// A listing of more objects is refused.
const MAX_LISTED: usize = 10_000;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two pieces of an answer, and before the first.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// For one answer as a whole; what is missing then is asked for again.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Tries again twice and soon: a poll does not wait for it, and the next one asks anyway.
const RETRIES: usize = 2;
const RETRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a storage cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The feature for it was left out.
    #[error("this gloss was built without the feature '{0}'")]
    NotBuilt(&'static str),
    /// The URL or a variable makes no sense to the storage's client.
    #[error("its client cannot be set up: {0}")]
    Setup(String),
}

/// A storage and the folder of it that counts.
#[derive(Clone)]
pub(super) struct Store {
    objects: Arc<LimitStore<Arc<dyn ObjectStore>>>,
    /// `None` where folders can be listed, but not by the beginning of names.
    lister: Option<Arc<dyn PaginatedListStore>>,
    folder: Path,
    /// As it is shown.
    url: Url,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// What a client of a storage is made of.
struct Client {
    objects: Arc<dyn ObjectStore>,
    lister: Option<Arc<dyn PaginatedListStore>>,
}

impl Store {
    /// The storage at `url`, which has neither credentials nor a query.
    pub(super) fn at(url: &Url) -> Result<Self, StoreError> {
        let client = client(url)?;
        let folder = Path::from_url_path(url.path()).map_err(|error| StoreError::Setup(error.to_string()))?;
        Ok(Self {
            objects: Arc::new(LimitStore::new(client.objects, MAX_REQUESTS)),
            lister: client.lister,
            folder,
            url: url.clone(),
        })
    }

    pub(super) fn kind(&self) -> LogSourceKind {
        if self.url.scheme().starts_with("http") { LogSourceKind::Http } else { LogSourceKind::ObjectStore }
    }

    /// The key of a log below the folder.
    pub(super) fn key(&self, name: &str) -> Path {
        let whole = if self.folder.is_root() { name.to_owned() } else { format!("{}/{name}", self.folder) };
        // As it is: `Path::from` would encode what is encoded again on the way.
        Path::parse(&whole).unwrap_or_else(|_| Path::from(whole))
    }

    /// A log's name below the folder.
    pub(super) fn name(&self, key: &Path) -> Option<String> {
        let below: Vec<_> = key.prefix_match(&self.folder)?.collect();
        Some(below.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
    }

    pub(super) async fn get(&self, key: &Path, options: GetOptions) -> Result<GetResult, Failure> {
        Ok(self.objects.get_opts(key, options).await?)
    }

    /// The objects whose name below the folder begins with `prefix`.
    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, Failure> {
        let (folder, _) = prefix.rsplit_once('/').unwrap_or(("", prefix));
        if let Some(lister) = &self.lister {
            // The folder as a path, the rest as it is: an unfinished name must not get a slash.
            let (above, begun) = (self.key(folder), &prefix[prefix.rfind('/').map_or(0, |at| at + 1)..]);
            let above = if above.as_ref().is_empty() { String::new() } else { format!("{above}/") };
            return pages(lister.as_ref(), &format!("{above}{begun}")).await;
        }
        let mut listed = self.objects.list_with_delimiter(Some(&self.key(folder))).await?.objects;
        listed.retain(|object| self.name(&object.location).is_some_and(|name| name.starts_with(prefix)));
        Ok(listed)
    }
}

/// Everything that begins so, unless it is too much.
async fn pages(lister: &dyn PaginatedListStore, prefix: &str) -> Result<Vec<ObjectMeta>, Failure> {
    let (mut objects, mut options) = (Vec::new(), PaginatedListOptions::default());
    loop {
        let page = lister.list_paginated(Some(prefix), options).await?;
        objects.extend(page.result.objects);
        if page.page_token.is_none() {
            return Ok(objects);
        }
        if objects.len() >= MAX_LISTED {
            return Err(Failure::Refused(format!("more than {MAX_LISTED} objects have names like it")));
        }
        options = PaginatedListOptions { page_token: page.page_token, ..PaginatedListOptions::default() };
    }
}

impl Client {
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    fn of_bucket(store: impl ObjectStore + PaginatedListStore) -> Self {
        let store = Arc::new(store);
        let objects: Arc<dyn ObjectStore> = store.clone();
        Self { objects, lister: Some(store) }
    }
}

fn client(url: &Url) -> Result<Client, StoreError> {
    match url.scheme() {
        "s3" => s3(url),
        "gs" => google(url),
        "az" => azure(url),
        _ => http(url),
    }
}

#[cfg(feature = "s3")]
fn s3(url: &Url) -> Result<Client, StoreError> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket(url));
    for (key, value) in timeouts() {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
    }
    let built = builder.with_retry(retries()).with_http_connector(Transport).build();
    built.map(Client::of_bucket).map_err(|error| setup(&error))
}

#[cfg(feature = "gs")]
fn google(url: &Url) -> Result<Client, StoreError> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
    let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket(url));
    for (key, value) in timeouts() {
        builder = builder.with_config(GoogleConfigKey::Client(key), value);
    }
    let built = builder.with_retry(retries()).with_http_connector(Transport).build();
    built.map(Client::of_bucket).map_err(|error| setup(&error))
}

#[cfg(feature = "az")]
fn azure(url: &Url) -> Result<Client, StoreError> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
    let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket(url));
    for (key, value) in timeouts() {
        builder = builder.with_config(AzureConfigKey::Client(key), value);
    }
    let built = builder.with_retry(retries()).with_http_connector(Transport).build();
    built.map(Client::of_bucket).map_err(|error| setup(&error))
}

#[cfg(feature = "http-logs")]
fn http(url: &Url) -> Result<Client, StoreError> {
    let mut options = object_store::ClientOptions::new().with_allow_http(true);
    for (key, value) in timeouts() {
        options = options.with_config(key, value);
    }
    let server = url[..url::Position::BeforePath].to_owned();
    let builder = object_store::http::HttpBuilder::new().with_url(server).with_client_options(options);
    let built = builder.with_retry(retries()).with_http_connector(Transport).build();
    built.map(|store| Client { objects: Arc::new(store), lister: None }).map_err(|error| setup(&error))
}

#[cfg(not(feature = "s3"))]
fn s3(_url: &Url) -> Result<Client, StoreError> {
    Err(StoreError::NotBuilt("s3"))
}

#[cfg(not(feature = "gs"))]
fn google(_url: &Url) -> Result<Client, StoreError> {
    Err(StoreError::NotBuilt("gs"))
}

#[cfg(not(feature = "az"))]
fn azure(_url: &Url) -> Result<Client, StoreError> {
    Err(StoreError::NotBuilt("az"))
}

#[cfg(not(feature = "http-logs"))]
fn http(_url: &Url) -> Result<Client, StoreError> {
    Err(StoreError::NotBuilt("http-logs"))
}

#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
fn bucket(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn timeouts() -> [(ClientConfigKey, String); 3] {
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    [
        (ClientConfigKey::ConnectTimeout, seconds(CONNECT_TIMEOUT)),
        (ClientConfigKey::ReadTimeout, seconds(READ_TIMEOUT)),
        (ClientConfigKey::Timeout, seconds(TIMEOUT)),
    ]
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}

/// Of the operator's own settings, at the start: nothing of a request is in it.
fn setup(error: &object_store::Error) -> StoreError {
    StoreError::Setup(error.to_string())
}
