//! Small generated tables, each with something of the mess that real ones have. The same every time.

use std::fmt::Write as _;

/// A CSV file and the column to predict.
pub struct Table {
    /// The file's name.
    pub filename: &'static str,
    /// The column to predict.
    pub target: &'static str,
    /// The file's content.
    pub csv: String,
}

/// A linear congruential generator (Knuth's MMIX constants): enough for test data, and no dependency.
struct Numbers(u64);

impl Numbers {
    /// Uniform in 0..1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[(self.next() * choices.len() as f64) as usize]
    }
}

/// Customers who leave or stay: binary with text labels (`no`, `yes`), an identifier, categories and missing numbers.
pub fn churn() -> Table {
    let mut numbers = Numbers(1);
    let mut csv = String::from("customerID,contract,tenure,charges,city,churn\n");
    for row in 0..400 {
        let contract = numbers.pick(&["monthly", "yearly", "two years"]);
        let tenure = (numbers.next() * 72.0).floor();
        let charges = (20.0 + numbers.next() * 100.0).round();
        let city = numbers.pick(&["Oslo", "São Paulo", "東京", "\"New York, NY\""]);
        let risk = 0.02 * charges - 0.04 * tenure + if contract == "monthly" { 1.5 } else { -0.5 };
        let churn = if risk + 2.0 * (numbers.next() - 0.5) > 0.5 { "yes" } else { "no" };
        let charges = if row % 17 == 0 { String::new() } else { charges.to_string() };
        writeln!(csv, "C-{row:05},{contract},{tenure},{charges},{city},{churn}").expect("a string takes it");
    }
    Table { filename: "churn.csv", target: "churn", csv }
}

/// Flowers of three kinds, coded 1, 2, 3: multiclass with numeric labels and only numeric features.
pub fn flowers() -> Table {
    let mut numbers = Numbers(2);
    let mut csv = String::from("petal_length,petal_width,sepal_length,kind\n");
    for row in 0..300 {
        let kind = row % 3 + 1;
        let mut around = |centre: f64| centre + numbers.next() - 0.5;
        let (length, width, sepal) = (around(f64::from(kind) * 1.2), around(f64::from(kind) * 0.8), around(5.0));
        writeln!(csv, "{length:.2},{width:.2},{sepal:.2},{kind}").expect("a string takes it");
    }
    Table { filename: "flowers.csv", target: "kind", csv }
}

/// Houses and their prices: regression with a category, addresses in several scripts, missing values and a column without variation.
pub fn houses() -> Table {
    let mut numbers = Numbers(3);
    let mut csv = String::from("area,rooms,district,address,country,price\n");
    let streets = ["Mill", "MILL Park", "São João", "Žižkova", "ΟΔΟΣ Αθηνάς", "東京", "O'Connell", "हिन्दी"];
    for row in 0..500 {
        let area = 40.0 + numbers.next() * 160.0;
        let rooms = (area / 30.0).ceil();
        let district = numbers.pick(&["centre", "north", "south"]);
        let base = if district == "centre" { 5_000.0 } else { 3_000.0 };
        let price = area * base + 20_000.0 * numbers.next() + if row % 8 == 1 { 100_000.0 } else { 0.0 };
        let district = if row % 23 == 0 { "NA" } else { district };
        let address = if row % 29 == 0 { String::new() } else { format!("{row} {} St.", streets[row % 8]) };
        writeln!(csv, "{area:.1},{rooms},{district},{address},NO,{price:.2}").expect("a string takes it");
    }
    Table { filename: "houses.csv", target: "price", csv }
}
