//! The answer of `oss preview`.

use oss_core::Preview;

use crate::output::{Answer, table};

impl Answer for Preview {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["index", "number"]);
        for offer in &self.offers {
            table.add_row([offer.choice.to_string(), offer.masked.to_string()]);
        }
        format!("{table}\nTo reserve one: {oss} reserve --preview {} --index 1", self.id)
    }
}
