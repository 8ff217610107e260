//! The front function on Lambda.

use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(async { Ok::<_, Infallible>(front::router()) }).await
}
