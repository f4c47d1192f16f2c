//! `oss keys`: keys for the server's clients. Nothing is stored here: the key is shown once, and the operator puts its digest into
//! the server's file.

use oss_core::ClientName;
use oss_core::access::{ClientKey, Scope};
use serde::{Serialize, Serializer};

use crate::exit::Failure;
use crate::output::Answer;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewKey {
    name: ClientName,
    #[serde(serialize_with = "serialize_exposed")]
    key: ClientKey,
    key_sha256: String,
}

pub(crate) fn new(name: ClientName) -> Result<NewKey, Failure> {
    let key = ClientKey::generate().map_err(Failure::internal)?;
    Ok(NewKey { name, key_sha256: key.digest().to_string(), key })
}

impl Answer for NewKey {
    fn table(&self, _oss: &str) -> String {
        let Self { name, key, key_sha256 } = self;
        let scopes = Scope::ALL.map(|scope| format!("{:?}", scope.name())).join(", ");
        format!(
            "The key of {name}. It is shown only once and stored nowhere; whoever has it can act as {name}:\n\
             \n    {}\n\n\
             For the file of oss-server's --config. Name the brand, and leave only the scopes that are needed:\n\n\
             [[clients]]\nname = \"{name}\"\nkey_sha256 = \"{key_sha256}\"\nscopes = [{scopes}]\nbrand_id = \"\"",
            key.expose()
        )
    }
}

fn serialize_exposed<S: Serializer>(key: &ClientKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}
