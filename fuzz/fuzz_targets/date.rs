//! Any bytes as a date: what is read as one is written as a moment that is read as the same.

#![no_main]

use domain::date::{self, Order};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let orders = date::orders_of(bytes);
    for order in Order::all() {
        let moment = order.parse(bytes);
        assert_eq!(moment.is_some(), orders & order.bit() != 0);
        if let (Some(moment), Some(iso)) = (moment, Order::all().next()) {
            let text = date::iso(moment);
            // An offset may lead into a year before 0 or after 9999.
            if text.find('-') == Some(4) {
                assert_eq!(iso.parse(text.as_bytes()), Some(moment));
            }
        }
    }
});
