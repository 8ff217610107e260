//! The SDK's configuration: region and credentials from the environment, TLS by ring.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::region;

/// What all clients share, one connection pool included. Load it once per process.
pub async fn config() -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let load = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(region())).http_client(http).load();
    Box::pin(load).await
}
