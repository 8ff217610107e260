//! DynamoDB on this machine: `dynoxide` on an `SQLite` file, with the template's tables.

use std::path::Path;

use anyhow::Context as _;
use dynoxide::{Database, actions::create_table::CreateTableRequest, actions::list_tables::ListTablesRequest};
use tokio::net::TcpListener;

/// Opens the database in `file` and creates the tables that it lacks.
///
/// # Errors
/// When the file cannot be used or a table cannot be made.
pub fn open(file: &Path, tables: &[serde_json::Value]) -> anyhow::Result<Database> {
    let path = file.to_str().context("the data folder's name is not UTF-8")?;
    let database = Database::new(path).map_err(|error| anyhow::anyhow!("cannot open {path}: {error}"))?;
    let existing = database.list_tables(ListTablesRequest::default()).map_err(|error| anyhow::anyhow!("cannot list tables: {error}"))?;
    for table in tables {
        let request: CreateTableRequest = serde_json::from_value(table.clone()).context("a table of template.yaml is not understood")?;
        if !existing.table_names.contains(&request.table_name) {
            let name = request.table_name.clone();
            database.create_table(request).map_err(|error| anyhow::anyhow!("cannot create table {name}: {error}"))?;
        }
    }
    Ok(database)
}

/// Serves the database until the process ends.
pub async fn serve(listener: TcpListener, database: Database) {
    dynoxide::server::serve_on(listener, database).await;
}
