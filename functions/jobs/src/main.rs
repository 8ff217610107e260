//! The jobs function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(jobs::init()).await
}
