//! The datasets function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::StartError> {
    api::run(datasets::init()).await
}
