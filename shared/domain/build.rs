//! Takes the prices that the job's cost is reckoned with from the price list, so that there is one place to change them and nothing to read
//! when a function starts. A price that is missing, or no number, is an error of the build.

use std::{collections::BTreeMap, env, error::Error, fmt::Write as _, fs, path::Path};

use serde::Deserialize;

const PRICES: &str = "prices.json";
/// A constant of `src/cost.rs`, and the price that it has.
const CONSTANTS: [(&str, &str); 2] = [("USD_PER_VCPU_HOUR", "fargate.arm64.vcpu_hour"), ("USD_PER_GB_HOUR", "fargate.arm64.gb_hour")];

#[derive(Deserialize)]
struct Price {
    id: String,
    usd: f64,
    per: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let prices: Vec<Price> = serde_json::from_str(&fs::read_to_string(PRICES)?)?;
    let prices: BTreeMap<String, f64> = prices.into_iter().map(|price| (price.id, price.usd / price.per)).collect();
    let mut constants = String::new();
    for (name, id) in CONSTANTS {
        let usd = prices.get(id).ok_or_else(|| format!("{PRICES} has no {id}"))?;
        writeln!(constants, "const {name}: f64 = {usd:?};")?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("prices.rs"), constants)?;
    Ok(())
}
