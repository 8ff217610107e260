//! The deploy function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(deploy::init()).await
}
