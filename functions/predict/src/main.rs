//! The predict function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(predict::init()).await
}
