//! `model.pkl` for older clients: a dict of builtin types only, so that loading it runs no code.
//!
//! ```python
//! {"format": "automl-onnx", "onnx": b"…", "manifest": {…}}
//! ```
//!
//! Source: the opcodes of protocol 4 in the Python standard library's `pickletools`.

use std::io;

use serde_json::Value;

use crate::Manifest;

const PROTOCOL: u8 = 4;

/// Writes the pickle. The model's bytes are not copied.
pub fn write_pickle(onnx: &[u8], manifest: &Manifest, mut out: impl io::Write) -> io::Result<()> {
    let mut pickle = vec![0x80, PROTOCOL, b'}', b'('];
    text(&mut pickle, "format");
    text(&mut pickle, "automl-onnx");
    text(&mut pickle, "onnx");
    pickle.push(0x8E); // BINBYTES8
    pickle.extend((onnx.len() as u64).to_le_bytes());
    out.write_all(&pickle)?;
    out.write_all(onnx)?;
    pickle.clear();
    text(&mut pickle, "manifest");
    value(&mut pickle, &serde_json::to_value(manifest)?);
    pickle.extend(b"u.");
    out.write_all(&pickle)
}

fn text(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(0x8D); // BINUNICODE8
    pickle.extend((text.len() as u64).to_le_bytes());
    pickle.extend(text.as_bytes());
}

fn value(pickle: &mut Vec<u8>, given: &Value) {
    match given {
        Value::Null => pickle.push(b'N'),
        Value::Bool(true) => pickle.push(0x88),
        Value::Bool(false) => pickle.push(0x89),
        Value::String(given) => text(pickle, given),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => {
                pickle.extend([0x8A, 8]); // LONG1 of eight bytes
                pickle.extend(int.to_le_bytes());
            }
            (None, float) => {
                pickle.push(b'G');
                pickle.extend(float.unwrap_or(f64::NAN).to_be_bytes());
            }
        },
        Value::Array(items) => {
            pickle.extend(b"](");
            items.iter().for_each(|item| value(pickle, item));
            pickle.push(b'e');
        }
        Value::Object(fields) => {
            pickle.extend(b"}(");
            for (name, field) in fields {
                text(pickle, name);
                value(pickle, field);
            }
            pickle.push(b'u');
        }
    }
}
