//! The upload function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(upload::init()).await
}
