//! `oss … | head`: a command whose reader leaves ends quietly.

use std::io::Read;
use std::process::Stdio;

use oss_tests::cli::oss;
use oss_tests::eventually::eventually;
use oss_tests::process::Mortal;

use super::world::World;

/// The exit code if the reader left before the end, as a shell reports it.
const CLOSED_PIPE: Option<i32> = Some(141);

/// Runs a command whose reader leaves at once. Returns its exit code, and what it wrote to standard error. Events go on happening.
async fn run_without_a_reader(world: &World, line: &str) -> (Option<i32>, String) {
    let mut command = oss(&[("OSS_LOG", "error")]);
    command.envs(world.settings.iter().cloned()).args(line.split(' '));
    let mut child = Mortal(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("oss runs"));
    drop(child.0.stdout.take());
    let status = eventually(async || {
        let ended = child.0.try_wait().expect("a child can be waited for");
        if ended.is_none() {
            assert_eq!(world.run("reserve --ddd 11").await.code, 0);
        }
        ended.ok_or("it goes on")
    })
    .await;
    let mut said = String::new();
    child.0.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is UTF-8");
    (status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_ends_with_its_reader() {
    let world = World::on_database().await;
    assert_eq!(world.run("reserve --ddd 11").await.code, 0);
    for form in ["csv", "ndjson"] {
        let ended = run_without_a_reader(&world, &format!("list --all -o {form}")).await;
        assert_eq!(ended, (CLOSED_PIPE, String::new()), "{form}");
    }
    let whole = run_without_a_reader(&world, "list --all -o json").await;
    assert_eq!(whole, (Some(0), String::new()), "it is written at once, and nothing was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_end_with_their_reader() {
    let world = World::on_database().await;
    for form in ["table", "ndjson"] {
        let ended = run_without_a_reader(&world, &format!("events --follow -o {form}")).await;
        assert_eq!(ended, (CLOSED_PIPE, String::new()), "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_ends_with_its_reader() {
    let world = World::through_server().await;
    for _ in 0..2 {
        assert_eq!(world.run("reserve --ddd 11").await.code, 0);
    }
    for table in ["reservation", "phone_number"] {
        world.database.execute(&format!("delete from {table} where msisdn <= '11999950002'")).await;
    }
    for form in ["table", "ndjson"] {
        let ended = run_without_a_reader(&world, &format!("audit --min-age 0s -o {form}")).await;
        assert_eq!(ended, (CLOSED_PIPE, String::new()), "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_did_its_work_has_its_own_exit_code() {
    let world = World::on_database().await;
    assert_eq!(run_without_a_reader(&world, "reserve --ddd 11").await, (Some(0), String::new()));
}
