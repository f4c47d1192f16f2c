//! The schemas, for an OpenAPI document, of values that are written in another form than they are stored in.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    AddressHash, Choice, Ddd, DeviceCode, DeviceHash, DeviceModelId, Eid, Event, EventCursor, EventKind,
    HoldRecord, Iccid, Imsi, Line, MaskedDigits, MaskedMsisdn, Msisdn, Number, NumberStatus, SimCodeRead,
    SimStatus, SmdpAddress, StoryEntry, Tac, Technology, Timestamp, UpstreamCall, UpstreamSystem,
};

/// Texts that a person or a program may write in any form that the pattern allows.
macro_rules! texts {
    ($($name:ident: $schema:expr,)+) => {
        $(
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.schema_type(Type::String).into()
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

texts! {
    Msisdn: text("A number in full: DDD, 9 and eight digits").pattern(Some("^[1-9]{2}9[0-9]{8}$")),
    MaskedMsisdn: text("A number, masked").pattern(Some(r"^\([1-9]{2}\) 9\*{4}-[0-9]{4}$")),
    Ddd: text("An area code").pattern(Some("^[0-9]{2}$")),
    Tac: text("The first 8 digits of an IMEI").pattern(Some("^[0-9]{8}$")),
    DeviceCode: name("What the maker calls the device"),
    DeviceModelId: name("A listed model"),
    DeviceHash: text("The name of a choice of device").pattern(Some("^[0-9a-f]{32}$")),
    NumberStatus: text(
        "`RESERVED`, `IN_USE` or `RETURNED`. Any other word is one that another program wrote: it is shown as it is, and never \
         acted on"
    ),
    Iccid: text("The number of a SIM").pattern(Some("^8955[0-9]{14,16}$")),
    Imsi: text("The number of a subscriber in the network").pattern(Some("^724[0-9]{12}$")),
    Eid: text("The number of a chip for eSIM profiles; modulo 97 it is 1").pattern(Some("^[0-9]{32}$")),
    MaskedDigits: text("The last four digits of an identifier").pattern(Some(r"^\*{4}[0-9]{4}$")),
    SmdpAddress: text("The host from which a phone downloads its profile").pattern(Some("^[0-9A-Za-z.-]{1,128}$")),
    AddressHash: text("The hash of a delivery address").pattern(Some("^[0-9a-f]{32}$")),
    SimStatus: text("`ACTIVE` or `DEPROGRAMMED`. Any other word is one that another program wrote: it is shown as it is"),
    EventCursor: text("A place among all events").pattern(Some("^[0-9]{1,19}-[0-9]{1,19}$")),
    EventKind: text("The change of a number, a line or a SIM; later versions may have more kinds").pattern(Some(r"^[a-z]+\.[a-z_]+$")),
    Timestamp: text("A time (RFC 3339)").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
    UpstreamSystem: text("`sigan` or `gsim`"),
    Technology: text("`4G`, `5G NSA` or `5G SA`. Any other word is one that another program wrote: it is shown as it is"),
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().description(Some(description))
}

/// Some text of the catalogue: not blank, and without control characters.
fn name(description: &str) -> ObjectBuilder {
    let no_control_character = r"^[^\u0000-\u001f\u007f-\u009f]*$";
    text(description).min_length(Some(1)).max_length(Some(128)).pattern(Some(no_control_character))
}

impl PartialSchema for Choice {
    fn schema() -> RefOr<Schema> {
        text("Which of the three numbers of a preview")
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(3))
            .into()
    }
}

impl ToSchema for Choice {}

fn object<T: PartialSchema>() -> Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// The fields of the line are on the same level as the others, and all of them may be left out together.
impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        let (mut number, hold) = (object::<Line>(), object::<HoldRecord>());
        let history = ArrayBuilder::new().items(Ref::from_schema_name(HoldRecord::name()));
        let history = history.description(Some("Every attempt to hold the number, the latest first"));
        number.properties.insert("msisdn".to_owned(), Ref::from_schema_name(Msisdn::name()).into());
        number.properties.insert("history".to_owned(), history.into());
        number.required = vec!["msisdn".to_owned(), "history".to_owned()];
        number.description = Some("A number, and every hold it has had".to_owned());
        number.examples = vec![json!({
            "msisdn": "11999950002",
            "origin": "VIVO",
            "status": "RESERVED",
            "assignedSimId": null,
            "assignedAt": null,
            "createdAt": "2026-11-25T13:30:43Z",
            "updatedAt": "2026-11-25T13:30:43Z",
            "history": hold.examples,
        })];
        number.into()
    }
}

impl ToSchema for Number {
    fn name() -> std::borrow::Cow<'static, str> {
        "PhoneNumber".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Msisdn::name().into(), Msisdn::schema()));
        schemas.push((HoldRecord::name().into(), HoldRecord::schema()));
        HoldRecord::schemas(schemas);
        Line::schemas(schemas);
    }
}

/// Of the fields besides the time, one is there.
impl PartialSchema for StoryEntry {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some("One entry of a timeline: its time, and one of the other fields"))
            .property("at", Timestamp::schema())
            .required("at")
            .property("event", Ref::from_schema_name(Event::name()))
            .property("call", Ref::from_schema_name(UpstreamCall::name()))
            .property("codeRead", Ref::from_schema_name(SimCodeRead::name()))
            .into()
    }
}

impl ToSchema for StoryEntry {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Event::name().into(), Event::schema()));
        Event::schemas(schemas);
        schemas.push((UpstreamCall::name().into(), UpstreamCall::schema()));
        UpstreamCall::schemas(schemas);
        schemas.push((SimCodeRead::name().into(), SimCodeRead::schema()));
        SimCodeRead::schemas(schemas);
    }
}
