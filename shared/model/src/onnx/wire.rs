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

use prost::{
    DecodeError,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, skip_field},
};

pub(crate) const MODEL_GRAPH: u32 = 7;
pub(crate) const MODEL_METADATA: u32 = 14;
pub(crate) const GRAPH_NODE: u32 = 1;
pub(crate) const NODE_OPERATOR: u32 = 4;
pub(crate) const NODE_ATTRIBUTE: u32 = 5;
/// The fields of an attribute that hold its name, numbers, texts, one tensor, a remark or its type.
pub(crate) const ATTRIBUTE_FIELDS: [u32; 10] = [1, 2, 3, 4, 5, 7, 8, 9, 13, 20];
pub(crate) const ATTRIBUTE_NAME: u32 = 1;
pub(crate) const ATTRIBUTE_FLOATS: u32 = 7;
pub(crate) const ATTRIBUTE_INTS: u32 = 8;
pub(crate) const ATTRIBUTE_STRINGS: u32 = 9;

/// Appends what precedes the value of a field of `length` bytes.
pub(super) fn begin_delimited(number: u32, length: usize, file: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, file);
    encode_varint(length as u64, file);
}

/// Bytes of a field with a value of `length` bytes; its number is below 16.
pub(super) fn delimited_len(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) wire_type: WireType,
    /// All of it, with its key.
    pub(crate) whole: &'a [u8],
    /// What follows the key, and for a delimited value the length.
    pub(crate) value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value, if this is the field of that number and holds a text or a message.
    pub(crate) fn delimited(&self, number: u32) -> Option<&'a [u8]> {
        (self.number == number && self.wire_type == WireType::LengthDelimited).then_some(self.value)
    }
}

/// The fields of a message, one after the other. Ends after the first error.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn field(&mut self) -> Result<Field<'a>, DecodeError> {
        let mut rest = self.0;
        let (number, wire_type) = decode_key(&mut rest)?;
        let mut value = rest;
        skip_field(wire_type, number, &mut rest, DecodeContext::default())?;
        if wire_type == WireType::LengthDelimited {
            decode_varint(&mut value)?;
        }
        let field = Field { number, wire_type, whole: without_end(self.0, rest), value: without_end(value, rest) };
        self.0 = rest;
        Ok(field)
    }
}

/// What of `bytes` precedes its end `rest`.
fn without_end<'a>(bytes: &'a [u8], rest: &[u8]) -> &'a [u8] {
    bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default()
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// An attribute's whole numbers.
pub(crate) fn ints(attribute: &[u8]) -> impl Iterator<Item = Result<i64, DecodeError>> {
    // Negative numbers are the 64 bits of their two's complement.
    numbers(attribute, ATTRIBUTE_INTS, WireType::Varint, |bytes| decode_varint(bytes).map(u64::cast_signed))
}

/// An attribute's numbers of 32 bits.
pub(crate) fn floats(attribute: &[u8]) -> impl Iterator<Item = Result<f32, DecodeError>> {
    numbers(attribute, ATTRIBUTE_FLOATS, WireType::ThirtyTwoBit, |bytes| {
        let mut value = 0.0;
        prost::encoding::float::merge(WireType::ThirtyTwoBit, &mut value, bytes, DecodeContext::default())?;
        Ok(value)
    })
}

/// An attribute's texts.
pub(crate) fn strings(attribute: &[u8]) -> impl Iterator<Item = Result<&[u8], DecodeError>> {
    Fields::of(attribute).filter_map(|field| field.map(|field| field.delimited(ATTRIBUTE_STRINGS)).transpose())
}

/// Repeated numbers, packed or not.
fn numbers<T>(
    attribute: &[u8],
    number: u32,
    wire_type: WireType,
    decode: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    let mut fields = Fields::of(attribute);
    let mut packed: &[u8] = &[];
    std::iter::from_fn(move || {
        while packed.is_empty() {
            match fields.next()? {
                Err(error) => return Some(Err(error)),
                Ok(field) if field.number == number && (field.wire_type == wire_type || field.delimited(number).is_some()) => {
                    packed = field.value;
                }
                Ok(_) => {}
            }
        }
        let value = decode(&mut packed);
        if value.is_err() {
            (packed, fields) = (&[], Fields::of(&[]));
        }
        Some(value)
    })
}

#[cfg(test)]
mod tests {
    use crate::onnx::pb::AttributeProto;
    use proptest::{collection::vec, prelude::*};
    use prost::Message as _;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_as_the_protobuf_library_reads_them(bytes in vec(any::<u8>(), 0..60)) {
            let (ints, floats) = (ints(&bytes).collect::<Result<Vec<_>, _>>(), floats(&bytes).collect::<Result<Vec<_>, _>>());
            let strings = strings(&bytes).collect::<Result<Vec<_>, _>>();
            // It reads other fields too, and refuses more.
            if let Ok(attribute) = AttributeProto::decode(bytes.as_slice()) {
                prop_assert_eq!(ints.unwrap(), attribute.ints);
                prop_assert_eq!(floats.unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>(),
                    attribute.floats.into_iter().map(f32::to_bits).collect::<Vec<_>>());
                prop_assert_eq!(strings.unwrap(), attribute.strings);
            }
        }

        #[test]
        fn numbers_may_be_packed_or_not_or_both(packed in vec(any::<i64>(), 0..5), single in vec(any::<i64>(), 0..5), cut in 0..200_usize) {
            let mut bytes = AttributeProto { ints: packed.clone(), floats: vec![0.5], ..AttributeProto::default() }.encode_to_vec();
            single.iter().for_each(|value| prost::encoding::int64::encode(ATTRIBUTE_INTS, value, &mut bytes));
            bytes.extend(AttributeProto { ints: packed.clone(), ..AttributeProto::default() }.encode_to_vec());
            let all: Vec<i64> = [packed.clone(), single, packed].concat();
            prop_assert_eq!(ints(&bytes).collect::<Result<Vec<_>, _>>().unwrap(), all.clone());
            prop_assert_eq!(floats(&bytes).collect::<Result<Vec<_>, _>>().unwrap(), [0.5]);
            let cut = &bytes[..cut.min(bytes.len())];
            match ints(cut).collect::<Result<Vec<_>, _>>() {
                Ok(some) => prop_assert!(all.starts_with(&some) && AttributeProto::decode(cut).is_ok()),
                Err(_) => prop_assert!(AttributeProto::decode(cut).is_err()),
            }
        }
    }
}
