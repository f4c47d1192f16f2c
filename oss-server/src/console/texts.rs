//! The texts of the console, in each language. A text that lacks a language does not compile.

mod problems;

pub(super) use self::problems::Detail;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Portuguese,
}

impl Language {
    /// Both languages.
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Portuguese];

    /// The tag of the language (RFC 5646).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The name of the language, in the language itself.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Portuguese => "Português",
        }
    }

    /// The language with this tag.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The texts in this language.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Portuguese => &PORTUGUESE,
        }
    }
}

/// Declares the table: the name of each text, then English, then Portuguese.
macro_rules! texts {
    ($($name:ident: $english:literal, $portuguese:literal;)+) => {
        /// Every text of the console in one language.
        #[derive(Debug)]
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)+
        }

        static ENGLISH: Texts = Texts { $($name: $english,)+ };
        static PORTUGUESE: Texts = Texts { $($name: $portuguese,)+ };

        #[cfg(test)]
        const TABLE: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $portuguese),)+];
    };
}

texts! {
    console: "Console", "Console";
    skip_to_content: "Skip to the content", "Ir para o conteúdo";
    navigation: "Pages", "Páginas";
    overview: "Overview", "Visão geral";
    numbers: "Numbers", "Números";
    in_doubt: "In doubt", "Em dúvida";
    events: "Events", "Eventos";
    webhooks: "Webhooks", "Webhooks";
    audit: "Audit", "Auditoria";
    language: "Language", "Idioma";
    brand: "Brand", "Marca";
    change: "Change", "Mudar";
    sandbox: "Anyone may use this server", "Qualquer pessoa pode usar este servidor";
    signed_in_as: "Signed in as", "Conectado como";
    refresh: "Refresh by itself", "Atualizar sozinho";
    copy: "Copy", "Copiar";
    copied: "Copied", "Copiado";
    nothing_here: "Nothing is here.", "Não há nada aqui.";
    back_to_overview: "Back to the overview", "Voltar à visão geral";
    time: "Time", "Hora";
    state: "State", "Estado";
    status: "Status", "Situação";
    reason: "Reason", "Motivo";
    client: "Client", "Cliente";
    details: "Details", "Detalhes";
    figures: "The figures as a table", "Os valores em uma tabela";
    hour: "Hour", "Hora";
    times_are_utc: "Times are UTC.", "As horas estão em UTC.";
    times_are_local: "Times are in your time zone; fields and labels of charts are UTC.",
        "As horas estão no seu fuso; os campos e os rótulos dos gráficos estão em UTC.";

    sign_in: "Sign in", "Entrar";
    sign_out: "Sign out", "Sair";
    key: "Client's key", "Chave do cliente";
    key_hint: "A key of a client that has the scope `operations`. It begins with oss_.",
        "Uma chave de um cliente que tem o escopo `operations`. Ela começa com oss_.";
    wrong_key: "No client has this key.", "Nenhum cliente tem esta chave.";
    no_operations: "This client's key does not have the scope operations.",
        "A chave deste cliente não tem o escopo operations.";
    too_many_attempts: "There were too many wrong attempts. Wait a minute, then try again.",
        "Houve tentativas erradas demais. Espere um minuto e tente de novo.";

    search: "Search", "Buscar";
    search_hint: "Number, ICCID, IMSI, EID, or the id of a preview, a reservation, a SIM or a request",
        "Número, ICCID, IMSI, EID, ou o id de uma prévia, uma reserva, um SIM ou uma requisição";
    search_key: "Press / to search", "Tecle / para buscar";
    found: "Found", "Encontrados";
    not_searchable: "This is no number, no ICCID, no IMSI, no EID and no id.",
        "Isto não é um número, nem um ICCID, um IMSI, um EID ou um id.";
    nothing_found: "Nothing that you may see has this identifier.",
        "Nada do que você pode ver tem este identificador.";
    kind: "Kind", "Tipo";
    number: "Number", "Número";
    sim: "SIM", "SIM";
    preview: "Preview", "Prévia";
    preview_open: "open: a number can be chosen", "aberta: um número pode ser escolhido";
    preview_used: "a number was chosen", "um número foi escolhido";
    preview_over: "expired, or replaced by another preview", "expirada, ou trocada por outra prévia";
    preview_calls: "Calls to Sigan", "Chamadas ao Sigan";
    made: "Made", "Criada";
    chosen: "chosen", "escolhido";

    states: "Attempts by state", "Tentativas por estado";
    states_hint: "Of this brand. Each count links to its numbers.",
        "Desta marca. Cada contagem leva aos seus números.";
    backlogs: "Backlogs", "Filas";
    backlogs_hint: "What the sweep has to settle now, of every brand.",
        "O que a varredura tem de resolver agora, de todas as marcas.";
    no_backlog: "Nothing waits for the sweep.", "Nada espera pela varredura.";
    due: "due", "pendentes";
    oldest: "oldest", "mais antigo";
    upstreams: "Sigan and GSIM", "Sigan e GSIM";
    answers: "answers", "responde";
    down: "does not answer", "não responde";
    probing: "is being probed", "está sendo testado";
    refuses_brand: "refuses the brand", "recusa a marca";
    expiring: "Expire within an hour", "Expiram em até uma hora";
    last_day: "The last day", "O último dia";
    reserves: "Reserves", "Reservas";
    releases: "Releases", "Devoluções";
    none_left: "No numbers left", "Sem números disponíveis";
    none_left_of_all: "No numbers left, every brand", "Sem números disponíveis, todas as marcas";
    draws_by_ddd: "Draws by area code, last day, every brand", "Números pedidos por DDD, último dia, todas as marcas";
    draws: "Draws", "Pedidos";
    draws_hint: "Darker means more draws. A mark ! means that no number was left at least once.",
        "Mais escuro significa mais pedidos. A marca ! significa que faltou número ao menos uma vez.";
    area_code: "Area code", "DDD";
    last_audits: "Latest audits", "Últimas auditorias";
    never_audited: "No audit has compared everything yet.", "Nenhuma auditoria comparou tudo ainda.";
    differences: "differences", "diferenças";

    filter: "Filter", "Filtrar";
    any: "any", "qualquer";
    created_after: "Begun after", "Iniciado depois de";
    created_before: "Begun before", "Iniciado antes de";
    expires_before: "Expires before", "Expira antes de";
    time_example: "2026-11-27T20:00:00Z", "2026-11-27T20:00:00Z";
    expires: "Expires", "Expira";
    begun: "Begun", "Início";
    next_page: "Next page", "Próxima página";
    choose: "Choose", "Escolher";
    choose_all: "Choose all of this page", "Escolher todos desta página";
    preview_release: "Preview a release of the chosen ones", "Simular a devolução dos escolhidos";
    none_chosen: "Choose at least one number.", "Escolha ao menos um número.";
    release_preview: "A release of these numbers would do this", "A devolução destes números faria isto";
    release_done: "The release did this", "A devolução fez isto";
    release_now: "Release them now", "Devolver agora";
    would_release: "would be released", "seria devolvido";
    released: "released", "devolvido";
    released_before: "was released before", "já tinha sido devolvido";
    refused: "stays as it is", "fica como está";
    back_to_list: "Back to the list", "Voltar à lista";

    not_held: "No attempt to reserve this number has succeeded so far.",
        "Nenhuma tentativa de reservar este número teve sucesso até agora.";
    line: "Line", "Linha";
    origin: "Origin", "Origem";
    on_line_since: "On the line since", "Na linha desde";
    first_held: "First held", "Reservado pela primeira vez";
    last_change: "Last change", "Última mudança";
    actions: "Actions", "Ações";
    no_actions: "This key may only read.", "Esta chave só pode ler.";
    release: "Release", "Devolver";
    release_explained: "Gives the number back to Sigan. The customer who waits for it loses it.",
        "Devolve o número ao Sigan. O cliente que espera por ele o perde.";
    extend: "Extend", "Estender";
    extend_explained: "Holds the number for a full time from now, within the limit.",
        "Mantém o número por um prazo inteiro a partir de agora, dentro do limite.";
    end_line: "End the line", "Encerrar a linha";
    end_line_explained: "Gives back both the number and its SIM. The customer's line stops working.",
        "Devolve o número e o seu SIM. A linha do cliente deixa de funcionar.";
    settle: "Ask Sigan now", "Perguntar ao Sigan agora";
    settle_explained: "Settles what is in doubt, or compares what Sigan has with what we have.",
        "Resolve o que está em dúvida, ou compara o que o Sigan tem com o que nós temos.";
    i_am_sure: "I am sure", "Tenho certeza";
    confirm_first: "Mark that you are sure, then send the form again.",
        "Marque que você tem certeza e envie o formulário de novo.";
    done_released: "The number is given back. Sigan is being told.",
        "O número foi devolvido. O Sigan está sendo avisado.";
    done_extended: "The hold is extended.", "A reserva foi estendida.";
    done_ended: "The line has ended. GSIM and Sigan are being told.",
        "A linha foi encerrada. O GSIM e o Sigan estão sendo avisados.";
    done_settled: "Settled: nothing about this number is in doubt any more.",
        "Resolvido: nada neste número está mais em dúvida.";
    done_unsettled: "Not settled yet: there was no certain answer. It is tried again by itself.",
        "Ainda não resolvido: não houve resposta certa. A tentativa se repete sozinha.";
    done_agrees: "Sigan was asked: it agrees with what is shown here.",
        "O Sigan foi consultado: ele concorda com o que se vê aqui.";
    done_differs: "Sigan was asked: it does not agree with what is shown here. Run an audit.",
        "O Sigan foi consultado: ele não concorda com o que se vê aqui. Rode uma auditoria.";
    attempts: "Attempts", "Tentativas";
    hold: "Sigan's id", "Id no Sigan";
    story: "The whole story", "A história completa";
    story_hint: "Events, calls to Sigan and GSIM, and reads of activation codes, the latest first. An event without a client is a change that the service made by itself, or a command without a server.",
        "Eventos, chamadas ao Sigan e ao GSIM e leituras de códigos de ativação, os mais recentes primeiro. Um evento sem cliente é uma mudança que o serviço fez sozinho, ou um comando sem servidor.";
    happened: "What happened", "O que aconteceu";
    took: "Took", "Duração";
    outcome: "Outcome", "Resultado";
    who: "Who", "Quem";
    request: "Request", "Requisição";
    sims: "SIMs", "SIMs";

    since: "Since", "Desde";
    next_try: "Next try", "Próxima tentativa";
    tries: "Tries", "Tentativas";
    doubt_hint: "Attempts and orders whose outcome is not certain, or of which Sigan or GSIM still has to be told, the oldest attempts first.",
        "Tentativas e pedidos cujo resultado não é certo, ou dos quais o Sigan ou o GSIM ainda tem de ser avisado, as tentativas mais antigas primeiro.";
    no_doubt: "Nothing is in doubt.", "Nada está em dúvida.";

    profile: "Profile", "Perfil";
    sim_type: "Type", "Tipo";
    technology: "Technology", "Tecnologia";
    issued: "Issued", "Emitido";
    funnel: "From order to use", "Do pedido ao uso";
    ordered: "ordered", "pedido";
    code_read: "code read", "código lido";
    downloaded: "downloaded", "baixado";
    installed: "installed", "instalado";
    enabled: "enabled", "ativado";
    code_reads: "Reads of the activation code", "Leituras do código de ativação";
    never_read: "Nobody has read it.", "Ninguém o leu.";
    profile_reports: "Reports on the profile", "Relatos sobre o perfil";
    no_reports: "GSIM has reported nothing.", "O GSIM não relatou nada.";
    not_applied: "kept as evidence", "guardado como prova";
    show_code: "Show the activation code", "Mostrar o código de ativação";
    show_code_explained: "The code is a credential. This read is counted and shown here under your client's name.",
        "O código é uma credencial. Esta leitura é contada e mostrada aqui com o nome do seu cliente.";
    activation_code: "Activation code", "Código de ativação";
    install_ios: "Install on an iPhone", "Instalar em um iPhone";
    install_android: "Install on an Android phone", "Instalar em um Android";
    hide_code: "Hide it", "Ocultar";

    run_audit: "Run an audit", "Rodar uma auditoria";
    audit_hint: "Compares our holds with Sigan's and our SIMs with GSIM's, for this brand. It changes nothing, and shows each difference with what a fix would do. It may take minutes; keep the page open.",
        "Compara nossas reservas com as do Sigan e nossos SIMs com os do GSIM, desta marca. Não muda nada, e mostra cada diferença com o que uma correção faria. Pode levar minutos; deixe a página aberta.";
    min_age: "Skip what changed within so many seconds", "Pular o que mudou nos últimos segundos";
    run_fix: "Run it and fix what is safe", "Rodar e corrigir o que é seguro";
    fix_explained: "Settles the differences that are safe to settle, at most 20 releases. Read the differences of an audit first.",
        "Resolve as diferenças que são seguras de resolver, no máximo 20 devoluções. Leia antes as diferenças de uma auditoria.";
    audit_runs: "The audit runs …", "A auditoria está em andamento …";
    audit_clean: "Finished: nothing differs, and everything is settled.",
        "Terminada: nada difere e tudo está resolvido.";
    audit_not_clean: "Finished: read the differences above and the counts.",
        "Terminada: leia as diferenças acima e as contagens.";
    audit_stopped: "The audit could not be finished:", "A auditoria não pôde ser terminada:";
    server_stops: "the server stops", "o servidor está parando";
    listed: "listed by Sigan", "listados pelo Sigan";
    held: "held here", "reservados aqui";
    fixed: "settled by this audit", "resolvidos por esta auditoria";
    unsettled: "not settled yet", "ainda não resolvidos";
    unknown_here: "held in Sigan, unknown here", "reservado no Sigan, desconhecido aqui";
    unknown_there: "held here, unknown in Sigan", "reservado aqui, desconhecido no Sigan";
    state_differs: "state differs", "o estado difere";
    sim_unknown_here: "SIM in GSIM, not active here", "SIM no GSIM, não ativo aqui";
    sim_unknown_there: "SIM active here, unknown in GSIM", "SIM ativo aqui, desconhecido no GSIM";
    sim_differs: "SIM differs", "o SIM difere";
    sim_without_number: "SIM without a number", "SIM sem número";
    unreadable: "cannot be read", "não pode ser lido";
    outcome_reported: "reported", "relatado";
    outcome_fixed: "fixed", "corrigido";
    outcome_told: "given back here; Sigan is being told", "devolvido aqui; o Sigan está sendo avisado";
    outcome_moved: "left: it is being worked on", "deixado: alguém trabalha nele";
    outcome_limit: "left: more than 20 releases have to be forced", "deixado: mais de 20 devoluções precisam ser forçadas";
    outcome_person: "left: a person has to decide", "deixado: uma pessoa tem de decidir";
    fix_settles: "A fix would settle it.", "Uma correção a resolveria.";
    fix_leaves: "A fix would leave it.", "Uma correção a deixaria.";

    events_since: "Show events of", "Mostrar eventos dos";
    last_15_minutes: "the last 15 minutes", "últimos 15 minutos";
    last_hour: "the last hour", "últimos 60 minutos";
    last_24_hours: "the last 24 hours", "últimas 24 horas";
    show: "Show", "Mostrar";
    earlier_events: "Earlier events", "Eventos anteriores";
    latest_events: "Back to the latest events", "Voltar aos eventos mais recentes";
    later_events: "Later events", "Eventos seguintes";
    changed_by: "Changed by", "Mudado por";
    begun_by: "Begun by", "Iniciado por";
    before: "Before", "Antes";
    after: "After", "Depois";

    name: "Name", "Nome";
    lag: "Lag", "Atraso";
    failures: "Failures in a row", "Falhas seguidas";
    last_error: "Last error", "Último erro";
    delivered: "Last delivery", "Última entrega";
    replay: "Replay", "Reenviar";
    replay_from: "Replay from", "Reenviar desde";
    replay_explained: "Sends every event since that time again. Receivers see the same ids.",
        "Envia de novo todos os eventos desde essa hora. Quem recebe vê os mesmos ids.";
    done_replayed: "The webhook goes back to that time.", "O webhook volta a essa hora.";
    no_webhooks: "No webhook is configured.", "Nenhum webhook está configurado.";

    something_wrong: "This did not work", "Isto não funcionou";
    try_again_in: "Try again in", "Tente de novo em";
    seconds: "seconds", "segundos";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts that are the same in both languages.
    const SAME: [&str; 5] = ["console", "webhooks", "sim", "sims", "time_example"];

    #[test]
    fn every_text_has_both_languages() {
        for (name, english, portuguese) in TABLE {
            assert!(!english.trim().is_empty() && !portuguese.trim().is_empty(), "{name}");
            assert_eq!(english == portuguese, SAME.contains(name), "{name}: {english}");
            assert_eq!(english.ends_with('.'), portuguese.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn a_language_is_found_by_its_tag() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::of_tag("de"), None);
    }
}
