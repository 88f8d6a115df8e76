//! The dependency rule: who may name whom. The compiler forbids cycles; this forbids the rest.

use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package};

const SERVICES: [&str; 4] = ["crm-api", "ingest-gateway", "webhook-dispatcher", "incoming-trigger"];

/// What measures crm-api beside a server of the same resources.
const BENCH: &str = "pulse-bench-crm";

/// A dependency, and the only members of the workspace beside the services that may name it.
const ONLY: &[(&str, &[&str])] = &[
    ("actix-web", &["pulse-service", "pulse-testing", "pulse-e2e", BENCH]),
    ("diesel", &["pulse-store", "pulse-resource"]),
    ("diesel-async", &["pulse-store", "pulse-resource"]),
];

/// Crates that know neither runtime nor clock, and so can be tested without either.
const PURE: [&str; 3] = ["pulse-domain", "pulse-jsonapi", "pulse-resource"];

/// Crates at the bottom: they build on nothing else of the house.
const GROUND: [&str; 2] = ["pulse-domain", "pulse-jsonapi"];

#[test]
fn every_dependency_keeps_to_the_layers() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let workspace = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo answers");
    let members: Vec<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    for known in SERVICES.iter().chain(&PURE).chain(&GROUND).chain(ONLY.iter().flat_map(|(_, may)| *may)) {
        assert!(members.contains(known), "{known} is not in the workspace any more");
    }

    let mut broken = Vec::new();
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            if let Some(rule) = broken_rule(package, dependency, &members) {
                broken.push(format!("{} names {}: {rule}", package.name, dependency.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn broken_rule(package: &Package, dependency: &Dependency, members: &[&str]) -> Option<&'static str> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    let for_tests = dependency.kind == DependencyKind::Development;
    let is_only_for_others =
        ONLY.iter().any(|(name, may)| *name == to && !may.contains(&from) && !SERVICES.contains(&from));
    if to == "lapin" && from != "pulse-bus" {
        Some("only pulse-bus knows the broker's protocol")
    } else if to == "redis" && from != "pulse-service" {
        Some("only pulse-service knows the protocol of the store of limits")
    } else if ["hyper", "hyper-util", "hickory-resolver"].contains(&to) && from != "pulse-service" {
        Some("only pulse-service connects to strangers")
    } else if is_only_for_others {
        Some("it is kept to the crates that are about it, and the services")
    } else if SERVICES.contains(&to) && (from, to) != (BENCH, "crm-api") {
        Some("services share contracts, not code, not even for tests")
    } else if GROUND.contains(&from) && members.contains(&to) {
        Some("it builds on nothing else of the house")
    } else if to == "tokio" && PURE.contains(&from) && !for_tests {
        Some("it needs no runtime")
    } else if to == "pulse-testing" && !for_tests {
        Some("it is for tests alone")
    } else {
        None
    }
}
