//! Reserves use kept connections to Sigan, which may close at any moment.

use oss_core::sigan::mock::{CallKind, Inventory, SiganMock};
use oss_tests::backend::Database;
use oss_tests::impatient::Impatient;
use oss_tests::server::Server;

oss_tests::on_both!(reserves_in_a_row_share_a_connection, a_closed_connection_costs_no_reservation);

const HELD: &str = "select count(*) from reservation where state = 'HELD'";

async fn reserves_in_a_row_share_a_connection(database: Database) {
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let proxy = Impatient::before(sigan.url().authority()).await;
    let server = Server::start(&database, &proxy.url(), &[]);
    for _ in 0..5 {
        let preview = server.http().preview().await;
        assert_eq!(server.http().reserve(&preview, 1).await.status, 200);
    }
    assert_eq!(proxy.opened(), 1, "for ten calls");
}

async fn a_closed_connection_costs_no_reservation(database: Database) {
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let proxy = Impatient::before(sigan.url().authority()).await;
    proxy.close_on_reserve();
    let server = Server::start(&database, &proxy.url(), &[]);
    for _ in 0..10 {
        let preview = server.http().preview().await;
        let reserved = server.http().reserve(&preview, 1).await;
        assert_eq!(reserved.status, 200, "{reserved:?}");
    }
    assert!(proxy.opened() > 10, "each reserve found its connection closed");
    assert_eq!(database.count(HELD).await, 10);
    assert_eq!(sigan.inventory().reserved().len(), 10, "each number is held once");
    assert_eq!(sigan.calls(CallKind::Reserve), 10, "and nothing was sent twice without need");
}
