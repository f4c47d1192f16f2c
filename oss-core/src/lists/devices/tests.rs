use std::collections::BTreeSet;

use super::reading::{BRANDS, CODES, MODELS, TACS};
use super::*;
use crate::lists::ImportFaults;

/// A catalogue without faults.
const GOOD: [(&str, &str); 4] = [
    (BRANDS, "slug,name\nacme,Acme\nother,L'Other\n"),
    (
        MODELS,
        "brand_slug,model,name,supports_esim,source,homologated\n\
         acme,ACME_1,\"Acme 1, \"\"the first\"\"\",true,list-A,false\n\
         acme,ACME_2,D'Acme 2,false,,true\n",
    ),
    (CODES, "code,model\n\"Acme1,1\",ACME_1\n"),
    (TACS, "tac,model,source\n35000001,ACME_1,list-A\n"),
];

/// Reads the good catalogue with one file replaced.
fn read(file: &str, bytes: &[u8]) -> Result<DeviceData, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in GOOD {
        let bytes = if name == file { bytes } else { text.as_bytes() };
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let texts = |faults: ImportFaults| faults.faults.iter().map(ToString::to_string).collect();
    DeviceData::read(folder.path(), |_| {}).map_err(texts)
}

#[test]
fn a_catalogue_is_read_as_it_is_written() {
    let data = read("", b"").unwrap();
    let first = &data.models[&"ACME_1".parse().unwrap()];
    assert_eq!(first.name.as_str(), "Acme 1, \"the first\"");
    assert!(first.supports_esim && !first.homologated);
    assert_eq!(first.brand, data.brands[&"acme".parse().unwrap()].id);
    assert_eq!(data.codes[&"Acme1,1".parse().unwrap()].as_str(), "ACME_1");
    assert_eq!(data.tacs[&"35000001".parse().unwrap()].model.as_str(), "ACME_1");
    let windows = format!("\u{feff}{}", GOOD[0].1.replace('\n', "\r\n"));
    assert_eq!(read(BRANDS, windows.as_bytes()).unwrap(), data, "as another system writes it");
}

#[test]
fn a_model_is_homologated_where_nothing_is_said() {
    let models = "brand_slug,model,name,supports_esim,source\nacme,ACME_1,Acme 1,true,\n";
    assert!(read(MODELS, models.as_bytes()).unwrap().models.values().all(|model| model.homologated));
}

#[test]
fn the_catalogue_that_comes_along_has_no_faults() {
    let data = DeviceData::built_in().unwrap();
    let lines = (data.brands.len(), data.models.len(), data.codes.len(), data.tacs.len());
    assert_eq!(lines, (31, 415, 880, 1389));
    // It has two slots for nano-SIMs and no eSIM; a public list gives the TACs to older phones.
    assert!(!data.codes.contains_key(&"iPhone11,4".parse().unwrap()));
    for tac in ["35066600", "35104310", "35081600"] {
        assert!(!data.tacs.contains_key(&tac.parse().unwrap()), "{tac}");
    }
}

#[test]
fn the_notes_list_the_models_that_are_found_by_their_name_alone() {
    let notes = include_str!("../../../../migrations/data/NOTES.md");
    let (_, table) = notes.split_once("have neither a code nor a TAC").unwrap();
    let listed = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let data = DeviceData::built_in().unwrap();
    let has_key = |model: &DeviceModelId| {
        data.codes.values().chain(data.tacs.values().map(|entry| &entry.model)).any(|other| other == model)
    };
    let without = data.models.iter().filter(|(model, entry)| entry.supports_esim && !has_key(model));
    let without: BTreeSet<&str> = without.map(|(model, _)| model.as_str()).collect();
    assert_eq!(listed.collect::<BTreeSet<_>>(), without);
}

#[test]
fn a_code_is_that_of_the_model_that_its_source_names() {
    let data = DeviceData::built_in().unwrap();
    for (code, model) in [
        ("CPH2671", "OPPO_FIND_N5"),
        ("DNY-NX9", "HONOR_400"),
        ("SH-RM15", "SHARP_AQUOS_SENSE4_LITE"),
        ("Surface Duo", "MICROSOFT_SURFACE_DUO"),
    ] {
        assert_eq!(data.codes[&code.parse().unwrap()].as_str(), model, "{code}");
    }
    // Codes of mainland China, and a code that two models share.
    for code in ["V2415A", "PKX110", "FLC-AN00", "V2244", "V30"] {
        assert!(!data.codes.contains_key(&code.parse().unwrap()), "{code}");
    }
}

#[test]
fn every_fault_is_told_with_its_file_and_line() {
    let cases: [(&str, &[u8], &[&str]); 15] = [
        (BRANDS, b"slug,name\nacme,Acme\nacme,Again\n", &["device_brands.csv:3: slug acme is already in line 2"]),
        (BRANDS, b"slug,name\nAcme,Acme\nacme,\n", &["2: slug: expected a brand's slug", "3: name: expected a name"]),
        (BRANDS, b"slug,name\n", &["device_brands.csv:2: it has no rows", "device_models.csv:2: brand_slug: acme is not", "device_models.csv:3"]),
        (BRANDS, b"slug|name\nacme|Acme\n", &["device_brands.csv:1: expected the headings slug,name; found \"slug|name\""]),
        (BRANDS, b"", &["device_brands.csv:1: expected the headings"]),
        (
            MODELS,
            b"brand_slug,model,name,supports_esim,source\nacme,ACME_1,A,true,\nacme,ACME_1,B,true,\nnone,ACME_2,A,yes,\n",
            &["3: model ACME_1 is already in line 2", "4: brand_slug: none is not in", "4: supports_esim: expected true or"],
        ),
        (MODELS, b"brand_slug,model,name,supports_esim,source,colour\nacme,ACME_1,A,true,,red\n", &["[,homologated]"]),
        (CODES, b"code,model\nX,ACME_9\nY,ACME_1\nY,ACME_1\n", &["2: model: ACME_9 is not in device_models.csv", "4: code Y"]),
        (CODES, b"code,model\nX\xff,ACME_1\nY,ACME_9\n", &["device_codes.csv:2: it is not UTF-8", "3: model: ACME_9"]),
        (CODES, b"code,model\nX\nY,ACME_1,Z\n", &["2: expected 2 columns, not 1", "3: expected 2 columns, not 3"]),
        (TACS, b"tac,model,source\n3500001,ACME_1,\n", &["device_tacs.csv:2: tac: expected a TAC: 8 digits"]),
        (TACS, b"tac,model,source\n35000001,ACME_1,\n35000001,ACME_1,\n", &["3: tac 35000001 is already in line 2"]),
        (TACS, b"tac,model,source\n35000001,ACME_1,list-A\n35000002,ACME_1,li", &["the file may have been cut short"]),
        (TACS, b"tac,model,source\n35000001,ACME_1,list-A\n35000", &["3: expected 3 columns, not 1", "cut short"]),
        (TACS, b"tac,model,source\n\"35000001,ACME_1,list-A\n35000002,ACME_1,\n", &["2: tac: the field contains a line break"]),
    ];
    for (file, bytes, expected) in cases {
        let faults = read(file, bytes).expect_err(expected[0]);
        for part in expected {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part:?} is not in {faults:#?}");
        }
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    }
}

#[test]
fn a_file_that_is_missing_is_told_and_its_keys_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &GOOD[2..] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let faults = DeviceData::read(folder.path(), |_| {}).unwrap_err().to_string();
    assert!(
        faults.contains("device_brands.csv: it cannot be read") && faults.contains("device_models.csv: it")
    );
    assert_eq!(faults.lines().count(), 3, "{faults}");
}

#[test]
fn half_a_file_is_a_fault_wherever_it_is_cut_within_a_line() {
    for (name, text) in GOOD {
        let cuts = (0..text.len()).filter(|&at| text.is_char_boundary(at) && !text[..at].ends_with('\n'));
        for at in cuts {
            assert!(read(name, &text.as_bytes()[..at]).is_err(), "{name} cut at {at}");
        }
    }
}
