//! What a training costs on AWS, with the prices of `prices.json`, which `docs/cost.md` is reckoned from too.
//!
//! The trainer's container takes 2 vCPUs and 8 GB on Fargate, which bills both by the second from the pull of the image to the end, a
//! minute at least. The prices are those of Linux on ARM in us-east-1 without Spot: what other regions, x86 and Spot cost differs by up to
//! a factor of three, so every figure is an estimate and names its price list. On Spot, where a job may run, it is an upper bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size of the trainer's container, as the deployment template has it.
pub const TRAINER_VCPUS: u32 = 2;
/// Its memory.
pub const TRAINER_MEMORY_GB: u32 = 8;

// USD_PER_VCPU_HOUR and USD_PER_GB_HOUR, as the build script found them in the price list.
include!(concat!(env!("OUT_DIR"), "/prices.rs"));

const PRICE_LIST: &str = "AWS Fargate, Linux on ARM, us-east-1, on demand (Spot costs less)";
const LEAST_BILLED_SECONDS: f64 = 60.0;
const SECONDS_PER_HOUR: f64 = 3_600.0;

/// An estimate of what a training takes and costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Seconds of one virtual CPU.
    pub vcpu_seconds: f64,
    /// Seconds of one gigabyte of memory.
    pub memory_gb_seconds: f64,
    /// US dollars, six decimals.
    pub usd: f64,
    /// Where the prices are from.
    pub price_list: String,
}

impl Cost {
    /// Of a container that runs for that many seconds.
    pub fn of(seconds: f64) -> Self {
        let billed = seconds.max(LEAST_BILLED_SECONDS);
        let (vcpu_seconds, memory_gb_seconds) = (billed * f64::from(TRAINER_VCPUS), billed * f64::from(TRAINER_MEMORY_GB));
        let usd = (vcpu_seconds * USD_PER_VCPU_HOUR + memory_gb_seconds * USD_PER_GB_HOUR) / SECONDS_PER_HOUR;
        Self { vcpu_seconds, memory_gb_seconds, usd: (usd * 1e6).round() / 1e6, price_list: PRICE_LIST.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_costs_what_the_price_list_says() {
        let cost = Cost::of(3_600.0);
        assert_eq!((cost.vcpu_seconds, cost.memory_gb_seconds), (7_200.0, 28_800.0));
        assert_eq!(cost.usd, 0.093_24, "2 × 0.03238 + 8 × 0.00356");
    }

    #[test]
    fn a_minute_is_billed_at_least() {
        assert_eq!(Cost::of(5.0), Cost::of(60.0));
        assert_eq!(Cost::of(60.0).usd, 0.001_554);
    }
}
