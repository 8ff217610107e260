//! The bytes of a protobuf message, field by field: for what is too large to be built whole.
//!
//! ```text
//! message = field*   field = key value   key = varint(number << 3 | wire type)
//! value   = varint | 4 bytes | 8 bytes | varint(length) and so many bytes: a text, a message, or packed numbers
//! ```
//!
//! A message's fields may come in any order, and messages of one kind that are appended to each other are one message. Numbers that are
//! repeated are packed in one field or have one each, or both. Sources: "Encoding" in the Protocol Buffers documentation; the numbers of
//! the fields are those of `onnx.proto`.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

pub(super) const MODEL_GRAPH: u32 = 7;
pub(super) const GRAPH_NODE: u32 = 1;
pub(super) const NODE_ATTRIBUTE: u32 = 5;
pub(super) const ATTRIBUTE_FLOATS: u32 = 7;
pub(super) const ATTRIBUTE_INTS: u32 = 8;
pub(super) const ATTRIBUTE_STRINGS: u32 = 9;

/// Appends what precedes the value of a field of `length` bytes.
pub(super) fn begin_delimited(number: u32, length: usize, file: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, file);
    encode_varint(length as u64, file);
}

/// Bytes of a field with a value of `length` bytes; its number is below 16.
pub(super) fn delimited_len(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}
