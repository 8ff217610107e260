//! A table in memory, typed and by column: what the trainer reads back from Parquet.

/// Typed columns of one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// Number of rows.
    pub rows: usize,
    /// The columns in the order of the table.
    pub columns: Vec<Column>,
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Unique in its table.
    pub name: String,
    /// One value per row.
    pub values: Values,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Integers and floats; `NaN` when missing.
    Numbers(Vec<f64>),
    /// `None` when missing.
    Booleans(Vec<Option<bool>>),
    /// Texts, dictionary-encoded.
    Texts(TextColumn),
}

/// Texts of a column: `dictionary[codes[row]]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextColumn {
    /// One per row; [`TextColumn::MISSING`] when missing.
    pub codes: Vec<u32>,
    /// Distinct texts in the order of their first row.
    pub dictionary: Vec<String>,
}

impl TextColumn {
    /// The code of a missing cell.
    pub const MISSING: u32 = u32::MAX;

    /// The text of a row, `None` when missing or past the end.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.dictionary.get(usize::try_from(code).ok()?).map(String::as_str)
    }
}

impl Frame {
    /// The column of that exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
