//! The problems in the language of the operator. Callers of the API get each in English.

use oss_core::Error;

use super::Language;
use crate::problem::{OF_HTTP, Problem};

/// The text of each type of problem in Portuguese, by its code. It has no values: a page shows the subject and the wait besides.
const PORTUGUESE: &[(&str, &str)] = &[
    ("malformed", "Um campo não tem o valor esperado"),
    ("malformed-body", "O corpo não é um objeto JSON"),
    ("malformed-head", "O início da requisição não é HTTP"),
    ("unauthenticated", "Falta a chave, ou nenhum cliente a tem"),
    (
        "forbidden",
        "A chave deste cliente não tem o escopo desta operação, ou o formulário não vem desta página",
    ),
    ("foreign-brand", "O cliente não pode agir por esta marca"),
    ("unknown-route", "Não há nada neste endereço"),
    ("method-not-allowed", "Este endereço não aceita este método"),
    ("body-too-slow", "O formulário não chegou a tempo"),
    ("body-too-large", "O formulário é longo demais"),
    ("unsupported-media-type", "O corpo não foi enviado no formato esperado"),
    ("too-many-requests", "O cliente envia mais requisições por segundo do que pode"),
    ("head-too-large", "O início da requisição é longo demais"),
    ("overloaded", "Este servidor já atende todas as requisições que pode"),
    ("audit-in-flight", "Uma auditoria já está em andamento neste servidor; há uma de cada vez"),
    ("unknown-webhook", "Nenhum servidor entregou eventos a um webhook com este nome"),
    ("not-ready", "O servidor está parando, ou o banco de dados não responde"),
    ("too-slow", "A requisição demorou demais e pode ter tido efeito; repita-a ou veja o estado atual"),
    ("proxy", "O proxy respondeu no lugar de um servidor"),
    ("unknown-ddd", "Nenhuma localidade do Brasil usa este DDD"),
    ("unknown-previous-preview", "A prévia a trocar não existe"),
    ("unknown-preview", "Esta prévia não existe"),
    ("unknown-index", "A prévia não tem um número com este índice"),
    ("unknown-number", "Este número não é conhecido aqui"),
    ("unknown-number-reference", "Este número não é conhecido aqui; reserve-o primeiro"),
    ("unknown-device", "Nenhum aparelho foi consultado com este hash"),
    ("unknown-line", "Esta linha não existe; crie-a primeiro"),
    ("unknown-address", "Este endereço de entrega não existe"),
    ("unknown-carrier", "O banco de dados não tem esta marca na tabela de operadoras"),
    ("unknown-card", "O GSIM não conhece um cartão com este ICCID; confira o número no cartão"),
    ("unknown-sim-id", "Este SIM não existe"),
    ("unknown-sim", "Este SIM não existe; informe o id de um SIM emitido"),
    ("unknown-brand", "Esta marca de aparelhos não existe"),
    ("preview-expired", "A prévia expirou ou foi trocada; crie outra"),
    ("foreign-cursor", "Este ponto dos eventos é de outro banco de dados; leia de novo a partir de uma hora"),
    ("reserve-in-flight", "Outra chamada para o mesmo número está em andamento"),
    ("order-in-flight", "Um pedido de SIM para este número está em andamento"),
    ("settlement-in-flight", "Este número já está sendo resolvido"),
    ("idempotency-key-in-flight", "Outra chamada com a mesma chave de idempotência está em andamento"),
    ("idempotency-key-reused", "Esta chave de idempotência já veio com outra requisição"),
    (
        "idempotency-key-spent",
        "O que foi reservado ou pedido com esta chave de idempotência já foi devolvido",
    ),
    ("preview-used", "A prévia já deu o seu número; crie outra"),
    (
        "number-state",
        "O número não está RESERVED; só um número RESERVED é devolvido, estendido ou posto em uma linha",
    ),
    ("hold-without-end", "A reserva deste número não tem fim; ela não expira e por isso não é estendida"),
    ("number-in-doubt", "Ainda não é certo se o Sigan reservou o número; tente mais tarde"),
    ("assigned-elsewhere", "O número já está em outro SIM"),
    ("sim-has-number", "O SIM já tem outro número; um SIM tem um só número"),
    ("not-on-line", "O número não está em uma linha; só um número IN_USE tem linha"),
    ("no-profiles-left", "O GSIM não tem mais perfis; o número continua reservado"),
    ("card-in-use", "O cartão está em uso por outro número; confira o número no cartão"),
    ("number-has-sim", "O GSIM tem outro SIM para este número; rode uma auditoria"),
    ("order-given-up", "O pedido foi abandonado antes da resposta do GSIM; peça de novo"),
    ("no-activation-code", "Este SIM não tem código de ativação, porque não é um eSIM"),
    ("sim-deprogrammed", "Este SIM foi desprogramado; o seu código de ativação não serve mais"),
    (
        "activation-code-used",
        "O perfil já foi instalado, e o código de ativação não serve mais; troque o SIM",
    ),
    ("activation-code-limit", "O código de ativação foi lido vezes demais ou é antigo demais; troque o SIM"),
    ("sim-not-active", "O SIM não está ACTIVE; só um SIM ACTIVE recebe um número"),
    ("no-numbers-left", "O Sigan não tem mais números neste DDD; tente outro"),
    (
        "reservation-given-up",
        "A reserva foi abandonada antes da resposta do Sigan; nada ficou reservado, comece de novo",
    ),
    (
        "number-taken",
        "O Sigan ofereceu um número que já está reservado ou em uso aqui; os inventários discordam",
    ),
    (
        "number-unsettled",
        "Uma tentativa anterior neste número ainda não foi resolvida; tente outro número, ou mais tarde",
    ),
    ("sigan-refused", "O Sigan recusou; nada ficou reservado"),
    ("sigan-answer-unusable", "A resposta do Sigan não pode ser usada; nada ficou reservado"),
    ("sigan-unreachable", "O Sigan não está acessível; nada foi feito"),
    ("sigan-busy", "O Sigan está ocupado ou não responde; nada foi feito"),
    ("sigan-refuses-brand", "O Sigan recusa chamadas desta marca; nada foi feito"),
    ("gsim-answer-unusable", "A resposta do GSIM não pode ser usada; o pedido está gravado e será resolvido"),
    ("gsim-unreachable", "O GSIM não está acessível; nada foi feito"),
    ("gsim-refuses-brand", "O GSIM recusa chamadas desta marca; nada foi feito"),
    ("gsim-busy", "O GSIM está ocupado ou não responde; nada foi feito"),
    ("client-share-exceeded", "Este cliente já usa toda a sua parte; nada foi feito"),
    ("client-budget-exceeded", "Este cliente já pediu tantos números deste DDD quantos pode; nada foi feito"),
    ("outcome-unknown", "O Sigan não deu resposta certa; repita o mesmo pedido para saber o resultado"),
    (
        "sim-outcome-unknown",
        "O GSIM não deu resposta certa ou ainda trabalha; repita o mesmo pedido para saber o resultado",
    ),
    ("internal", "Uma falha interna parou a operação; o que ela começou será resolvido"),
    ("database-unavailable", "O banco de dados não responde ou está ocupado demais"),
    ("database-failed", "O banco de dados não fez o que foi pedido"),
];

/// A type of problem without a text does not compile.
const _: () = {
    let mut at = 0;
    while at < Error::TYPES.len() {
        assert!(has_text(Error::TYPES[at].code), "a type of error of the library has no text in Portuguese");
        at += 1;
    }
    at = 0;
    while at < OF_HTTP.len() {
        assert!(has_text(OF_HTTP[at].code), "a type of problem of HTTP has no text in Portuguese");
        at += 1;
    }
};

const fn has_text(code: &str) -> bool {
    let mut at = 0;
    while at < PORTUGUESE.len() {
        if is_same(PORTUGUESE[at].0.as_bytes(), code.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The detail of a problem in one of the languages.
#[derive(Debug)]
pub(in crate::console) struct Detail {
    /// The tag of the language.
    pub(in crate::console) lang: &'static str,
    pub(in crate::console) text: String,
}

impl Language {
    /// The detail of a problem with this code, whose detail for callers of the API is `english`, and which is about these fields.
    pub(in crate::console) fn detail<'a>(
        self,
        code: &str,
        english: String,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> Detail {
        let portuguese = match self {
            Self::English => None,
            Self::Portuguese => PORTUGUESE.iter().find(|(own, _)| *own == code).map(|(_, text)| *text),
        };
        // Each code has a text. A proxy might answer with another one.
        let Some(text) = portuguese else { return Detail { lang: Self::English.tag(), text: english } };
        let fields: Vec<&str> = fields.into_iter().collect();
        let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
        Detail { lang: self.tag(), text: format!("{text}{fields}.") }
    }

    /// The detail of a problem in a part of a page. The reason that the operator does not learn is logged.
    pub(in crate::console) fn detail_of(self, problem: Problem) -> Detail {
        let (code, fields) = (problem.code(), problem.fields());
        self.detail(code, problem.log_and_shorten().detail, fields.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemType;

    #[test]
    fn each_text_is_that_of_one_type() {
        for (at, (code, text)) in PORTUGUESE.iter().enumerate() {
            assert!(ProblemType::of_code(code).is_some(), "{code} is no type");
            assert!(PORTUGUESE[at + 1..].iter().all(|(other, _)| other != code), "{code} has two texts");
            assert!(!text.is_empty() && !text.ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_detail_has_its_language() {
        let shown = |language: Language| {
            let detail = language.detail("malformed", "ddd: expected a DDD".to_owned(), ["ddd"]);
            (detail.lang, detail.text)
        };
        assert_eq!(shown(Language::English), ("en", "ddd: expected a DDD".to_owned()));
        assert_eq!(
            shown(Language::Portuguese),
            ("pt-BR", "Um campo não tem o valor esperado: ddd.".to_owned())
        );
    }
}
