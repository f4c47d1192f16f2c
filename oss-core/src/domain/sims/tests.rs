//! The identifiers of SIMs, by a table of texts and by random ones.

use std::str::FromStr;

use proptest::prelude::*;
use url::Url;

use super::{ActivationCode, Eid, Iccid, Imsi, MalformedAt, MatchingId, SmdpAddress, TextFault};

/// The column `accepted` that a text deserves.
fn accepted(kind: &str, text: &str) -> &'static str {
    let is_right: Result<bool, MalformedAt> = match kind {
        "iccid" => text.parse().map(|iccid: Iccid| iccid.has_valid_check_digit()),
        "imsi" => text.parse().map(|_: Imsi| true),
        "eid" => text.parse().map(|_: Eid| true),
        "activation" => text.parse().map(|_: ActivationCode| true),
        _ => panic!("unknown kind {kind}"),
    };
    match is_right {
        Ok(true) => "yes",
        Ok(false) => "warn",
        Err(_) => "no",
    }
}

#[test]
fn each_identifier_of_the_table_is_accepted_or_refused() {
    let table = include_str!("../../../../tests/cases/sim_identifiers.csv");
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let mut columns = line.splitn(4, ',');
        let [kind, text, expected, why] = std::array::from_fn(|_| columns.next().unwrap());
        assert_eq!(accepted(kind, text), expected, "{kind} {text}: {why}");
        rows += 1;
    }
    assert!(rows >= 26, "the table has {rows} rows");
}

/// The fault of a text that is refused.
fn fault<T: FromStr<Err = MalformedAt> + std::fmt::Debug>(text: &str) -> TextFault {
    text.parse::<T>().unwrap_err().fault
}

#[test]
fn an_error_names_the_place() {
    assert_eq!(fault::<Iccid>("8944100123456789012"), TextFault::Character(3));
    assert_eq!(fault::<Iccid>("8955 1001 2x"), TextFault::Character(12));
    assert_eq!(fault::<Iccid>("8955 1001 2345"), TextFault::Length(12));
    assert_eq!(fault::<Iccid>("8955100123456789F011"), TextFault::Character(17));
    assert_eq!(fault::<Iccid>("895510012345678901234"), TextFault::Length(21));
    assert_eq!(fault::<Imsi>("310150123456789"), TextFault::Character(1));
    assert_eq!(fault::<Imsi>("72406123456789\0"), TextFault::Character(15));
    assert_eq!(fault::<Eid>("89049032000100000123456789012327"), TextFault::CheckDigits);
    assert_eq!(fault::<Eid>("8904903200010000012345678901232"), TextFault::Length(31));
    assert_eq!(fault::<SmdpAddress>(""), TextFault::Character(1));
    assert_eq!(fault::<SmdpAddress>("a.b/c"), TextFault::Character(4));
    assert_eq!(fault::<SmdpAddress>(&"a".repeat(129)), TextFault::Length(129));
    assert_eq!(fault::<MatchingId>("A-b"), TextFault::Character(3));
    assert_eq!(fault::<MatchingId>(&"A".repeat(65)), TextFault::Length(65));
}

#[test]
fn the_error_of_a_code_names_the_place_in_the_whole_code() {
    for (text, position) in [
        ("", 1),
        ("LPA:", 5),
        ("LPA:2$A.B$C", 5),
        ("LPA:11$A.B$C", 5),
        ("lpa:1$A.B$C", 1),
        ("LPA:1", 6),
        ("1", 2),
        ("LPA:1$", 7),
        ("LPA:1$A.B", 10),
        ("LPA:1$A_B$C", 8),
        ("1$A.B$Cd", 8),
        ("1$A.B$C$1.x", 11),
        ("1$A.B$C$$0", 10),
    ] {
        assert_eq!(fault::<ActivationCode>(text), TextFault::Character(position), "{text}");
    }
    let longest = format!("LPA:1$A.B$C$$${}", "x".repeat(245));
    assert!(longest.parse::<ActivationCode>().is_ok());
    assert_eq!(fault::<ActivationCode>(&format!("{longest}x")), TextFault::Length(256));
}

#[test]
fn an_error_says_the_form_and_the_fault() {
    let iccid = "an ICCID: 18 to 20 digits that begin with 8955";
    for (refused, said) in [
        ("8955x".parse::<Iccid>().unwrap_err(), format!("{iccid}; this value is wrong at character 5")),
        ("8955".parse::<Iccid>().unwrap_err(), format!("{iccid}; this value has 4")),
        (
            "0".repeat(32).parse::<Eid>().unwrap_err(),
            "an EID: 32 digits; the last two digits of this value do not check the others".to_owned(),
        ),
    ] {
        assert_eq!(refused.to_string(), format!("expected {said}"));
    }
}

#[test]
fn an_iccid_is_read_as_a_sim_stores_it() {
    for (text, digits) in [
        ("895510012345678909FF", "895510012345678909"),
        ("8955-1001-2345-6789-011 F ", "8955100123456789011"),
        ("\u{feff}８９５５1001234567890124", "89551001234567890124"),
    ] {
        assert_eq!(text.parse::<Iccid>().unwrap().as_str(), digits, "{text}");
    }
    assert_eq!(fault::<Iccid>("89551001234567890FFF"), TextFault::Character(18));
}

#[test]
fn the_longest_parts_make_a_code() {
    let address: SmdpAddress = "a".repeat(128).parse().unwrap();
    let code = ActivationCode::new(address.clone(), "A".repeat(64).parse().unwrap());
    assert_eq!(code.to_qr_text().parse(), Ok(code.clone()));
    assert_eq!((code.address(), code.matching_id().reveal()), (&address, "A".repeat(64).as_str()));
    assert!(!code.confirmation_code_required());
}

#[test]
fn a_link_contains_the_code() {
    let code: ActivationCode = "1$SMDP.EXAMPLE.COM$A-1$$1".parse().unwrap();
    let path = "/esim_qrcode_provisioning?carddata=LPA%3A1%24SMDP.EXAMPLE.COM%24A-1%24%241";
    assert_eq!(code.install_url_ios(), format!("https://esimsetup.apple.com{path}"));
    assert_eq!(code.install_url_android(), format!("https://esimsetup.android.com{path}"));
}

#[test]
fn a_later_field_is_passed_over() {
    for (text, kept) in [
        ("1$A.B$C$", "LPA:1$A.B$C"),
        ("1$A.B$C$$", "LPA:1$A.B$C"),
        ("1$A.B$C$1.3$$ci", "LPA:1$A.B$C$1.3"),
        ("1$A.B$C$$1$ci$ç", "LPA:1$A.B$C$$1"),
    ] {
        assert_eq!(text.parse::<ActivationCode>().unwrap().to_qr_text(), kept, "{text}");
    }
}

/// A text after which `Debug`, `Display` and JSON are as they should be.
fn check_masked<T>(text: &str, name: &str) -> Result<(), TestCaseError>
where
    T: FromStr<Err = MalformedAt> + std::fmt::Debug + std::fmt::Display + PartialEq,
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let value: T = text.parse().unwrap();
    prop_assert_eq!(value.to_string(), text);
    prop_assert_eq!(format!("{value:?}"), format!("{name}(****{})", &text[text.len() - 4..]));
    let json = serde_json::to_value(&value).unwrap();
    prop_assert_eq!(&json, text);
    prop_assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
    Ok(())
}

/// An EID of 30 digits and the two that check them.
fn eid(digits: &str) -> String {
    let rest = digits.parse::<u128>().unwrap() * 100 % 97;
    format!("{digits}{:02}", (98 - rest) % 97)
}

/// A text with another character at the index `at`.
fn changed(text: &str, at: usize, to: char) -> String {
    text.chars().enumerate().map(|(index, char)| if index == at { to } else { char }).collect()
}

proptest! {
    #[test]
    fn display_and_parse_agree_and_debug_masks(
        iccid in "8955[0-9]{14,16}", imsi in "724[0-9]{12}", digits in "[0-9]{30}",
    ) {
        check_masked::<Iccid>(&iccid, "Iccid")?;
        check_masked::<Imsi>(&imsi, "Imsi")?;
        check_masked::<Eid>(&eid(&digits), "Eid")?;
        let masked = iccid.parse::<Iccid>().unwrap().masked();
        prop_assert_eq!(serde_json::to_value(masked).unwrap(), masked.to_string());
    }

    #[test]
    fn one_changed_digit_of_an_eid_is_noticed(digits in "[0-9]{30}", at in 0..32_usize, by in 1..10_u8) {
        let eid = eid(&digits);
        let digit = (eid.as_bytes()[at] - b'0' + by) % 10;
        prop_assert_eq!(fault::<Eid>(&changed(&eid, at, char::from(b'0' + digit))), TextFault::CheckDigits);
    }

    #[test]
    fn the_first_wrong_character_is_named(digits in "[0-9]{11}", at in 0..15_usize, wrong in "[a-zç$]") {
        let imsi = format!("7240{digits}");
        let refused = changed(&imsi, at, wrong.chars().next().unwrap()).parse::<Imsi>().unwrap_err();
        prop_assert_eq!(refused.fault, TextFault::Character(at + 1));
        prop_assert!(!refused.to_string().contains(&digits));
    }

    #[test]
    fn a_code_is_read_as_it_is_written_and_shown_only_by_name(
        address in "[A-Za-z0-9.-]{1,128}", id in "[A-Z0-9-]{4,64}", end in r"(\$[0-9.]{1,9}(\$1)?|\$\$1)?",
    ) {
        let text = format!("LPA:1${address}${id}{end}");
        let code: ActivationCode = text.parse().unwrap();
        prop_assert_eq!(code.to_qr_text(), text.clone());
        prop_assert_eq!(text[4..].parse(), Ok(code.clone()));
        prop_assert_eq!(code.confirmation_code_required(), end.ends_with("$1") && end.matches('$').count() == 2);
        prop_assert_eq!(format!("{code:?}"), "ActivationCode(****)");
        prop_assert_eq!(format!("{:?}{:?}", code.address(), code.matching_id()), "SmdpAddress(****)MatchingId(****)");
        prop_assert_eq!(serde_json::to_value(code.address()).unwrap(), address);
        prop_assert_eq!(&serde_json::from_value::<MatchingId>(id.into()).unwrap(), code.matching_id());
        for link in [code.install_url_ios(), code.install_url_android()] {
            let link: Url = link.parse().unwrap();
            let parameters: Vec<_> = link.query_pairs().into_owned().collect();
            prop_assert_eq!(parameters, [("carddata".to_owned(), text.clone())]);
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".*", near in r"(LPA:)?1\$[A-Z.-]{0,9}\$[A-Zaç-]{0,9}(\$[1.]?){0,4}") {
        for text in [text, near] {
            let _ = (text.parse::<Iccid>(), text.parse::<Imsi>(), text.parse::<Eid>());
            let _ = (text.parse::<SmdpAddress>(), text.parse::<MatchingId>());
            if let Ok(code) = text.parse::<ActivationCode>() {
                prop_assert_eq!(code.to_qr_text().parse(), Ok(code));
            }
        }
    }
}
