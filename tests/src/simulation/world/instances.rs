//! The processes of the service, and their mishaps.

use std::sync::Arc;
use std::time::Duration;

use oss_core::{BrandId, Oss, Settings};
use tokio::time::sleep;

use super::{Instance, Life, World};
use crate::simulation::gsim::SimulatedGsim;
use crate::simulation::sigan::SimulatedSigan;
use crate::simulation::store::SimulatedStore;
use crate::simulation::{CALL, INSTANCES, brands};

impl Instance {
    /// The library's handle that acts for a brand, or for all brands.
    pub(in crate::simulation) fn acting_for(&self, brand: Option<BrandId>) -> Oss {
        let oss = self.oss.clone();
        brand.map_or(oss.clone(), |brand| oss.acting_for(brand).expect("a brand that may be acted for"))
    }
}

impl World {
    pub(in crate::simulation) fn start_instance(self: &Arc<Self>, place: usize) {
        let mut settings = Settings::default();
        settings.preview_ttl = Duration::from_mins(2);
        settings.reservation_ttl = Duration::from_mins(5);
        settings.preview_retention = Duration::from_mins(10);
        (settings.sigan_call, settings.gsim_call) = (CALL, CALL);
        settings.sweep_interval = Duration::from_secs(20);
        settings.sigan_calls = 4;
        settings.sigan_queue = 2;
        let life = Life::default();
        let store = SimulatedStore::new(self.clone(), life.clone());
        let sigan = SimulatedSigan::new(self.clone(), life.clone());
        let [brand, other] = brands();
        let builder = Oss::builder(brand).other_brands([other]).settings(settings);
        let gsim = SimulatedGsim::new(self.clone(), life.clone());
        let oss = builder.sigan(Arc::new(sigan)).sims(Arc::new(gsim)).build(Arc::new(store));
        oss.sweep_in_background();
        self.shared().instances.insert(place, Instance { oss, life });
    }

    /// Any instance that lives. If none lives, waits for the first that is started again.
    pub(in crate::simulation) async fn instance(&self) -> Instance {
        loop {
            let living: Vec<Instance> = self.shared().instances.values().cloned().collect();
            if !living.is_empty() {
                return living[self.pick(living.len())].clone();
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    pub(in crate::simulation) async fn kill_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_secs(40)).await;
            let place = self.pick(INSTANCES);
            let killed = self.shared().instances.remove(&place);
            if let Some(killed) = killed {
                killed.life.ended.cancel();
                self.count("an instance died");
                self.excuse_lost_rows();
            }
            self.rest(Duration::from_secs(5)).await;
            self.start_instance(place);
        }
    }

    pub(in crate::simulation) async fn cut_off_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_mins(3)).await;
            let sigan = self.pick(3) > 0;
            if sigan {
                self.shared().sigan_is_cut_off = true;
                self.rest(Duration::from_mins(1)).await;
                self.shared().sigan_is_cut_off = false;
            } else {
                self.shared().database_is_cut_off = true;
                self.excuse_lost_rows();
                self.rest(Duration::from_secs(15)).await;
                self.shared().database_is_cut_off = false;
            }
            self.count(if sigan { "Sigan was cut off" } else { "the database was cut off" });
        }
    }

    pub(in crate::simulation) async fn refuse_credentials_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_mins(3)).await;
            let brand = brands()[self.pick(2)].clone();
            self.shared().refused_brand = Some(brand);
            self.rest(Duration::from_secs(20)).await;
            self.shared().refused_brand = None;
        }
    }

    pub(in crate::simulation) fn calm_down(self: &Arc<Self>) {
        let missing: Vec<usize> = {
            let mut shared = self.shared();
            shared.calm = true;
            shared.sigan_is_cut_off = false;
            shared.database_is_cut_off = false;
            shared.refused_brand = None;
            (0..INSTANCES).filter(|place| !shared.instances.contains_key(place)).collect()
        };
        for place in missing {
            self.start_instance(place);
        }
    }

    pub(in crate::simulation) fn sigan_is_cut_off(&self) -> bool {
        self.shared().sigan_is_cut_off
    }

    pub(in crate::simulation) fn database_is_cut_off(&self) -> bool {
        self.shared().database_is_cut_off
    }
}
