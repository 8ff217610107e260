//! Tells the crate what it is built with: the compiler's version, and those of the libraries that compute, from `Cargo.lock`.

#![allow(clippy::print_stdout)]

use std::{env, fs, path::Path, process::Command};

/// The packages whose versions a model's card names.
const LIBRARIES: [&str; 2] = ["linfa", "tract-onnx"];

fn main() {
    let lock = Path::new("../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    println!("cargo::rerun-if-changed=build.rs");
    let locked = fs::read_to_string(lock).unwrap_or_default();
    let libraries = LIBRARIES.iter().filter_map(|name| Some(format!("{name}={}", version(&locked, name)?)));
    let compiler = compiler().map(|version| format!("rustc={version}"));
    println!("cargo::rustc-env=BUILT_WITH={}", compiler.into_iter().chain(libraries).collect::<Vec<_>>().join(";"));
}

/// The `1.94.1` of `rustc 1.94.1 (…)`.
fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1).map(ToOwned::to_owned)
}

/// The version of a package.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split('"').next()
}
