//! Any bytes given as a manifest end in a diagnosis: reading, the rules, planning and rendering.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tkn_local::manifest::{ManifestInput, ReadOptions, load, render};
use tkn_local::plan::{Identity, RunRequest, build};
use tkn_local::resolve::Library;
use tkn_local::spec::Object;
use tkn_local::validate;

fuzz_target!(|bytes: &[u8]| {
    let input = ManifestInput::Text {
        name: "fuzz.yaml".to_owned(),
        bytes: bytes.to_vec(),
    };
    let (catalog, mut diagnostics) = load(&[input], ReadOptions::default());
    for document in catalog.documents() {
        let found = validate::document(&document.object, document.id, &document.api_version);
        diagnostics.extend(found);
        diagnostics.extend(validate::support(&document.object, document.id));
    }
    render::text(&diagnostics, &catalog, true);
    render::json(&diagnostics, &catalog);
    if diagnostics.has_errors() {
        return;
    }
    let library = Library::new(catalog.documents().iter().map(|document| &document.object));
    for document in catalog.documents() {
        if let Object::PipelineRun(run) = &document.object {
            let request = RunRequest {
                identity: Identity::new(&run.metadata),
                spec: run.spec.clone(),
                ..RunRequest::default()
            };
            // A run that cannot be planned has a condition: that is a diagnosis.
            drop(build(&request, &library));
        }
    }
});
