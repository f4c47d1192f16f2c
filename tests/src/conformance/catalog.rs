//! The reference data: the device catalogue, the choices of customers, the lists that an import replaces.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use futures::future::join_all;
use oss_core::{
    Cnl, DataVersion, DddChanges, DddData, DeviceBrandId, DeviceChanges, DeviceChoice, DeviceData,
    DeviceHash, Edition, EsimAnswer, EsimSupport,
};

use super::Fixture;

pub async fn knows_the_devices(db: &Fixture) {
    let (version, data) = db.store.devices().await.unwrap();
    for (choice, model) in [
        (DeviceChoice::Model("SAMSUNG_GALAXY_S25".parse().unwrap()), Some(("SAMSUNG_GALAXY_S25", true))),
        (DeviceChoice::Code("iPhone15,2".parse().unwrap()), Some(("APPLE_IPHONE_14_PRO", true))),
        (DeviceChoice::Tac("35050556".parse().unwrap()), Some(("SAMSUNG_GALAXY_S25", true))),
        (DeviceChoice::Code("Watch1,1".parse().unwrap()), Some(("APPLE_WATCH_1ST_GENERATION", false))),
        (DeviceChoice::Code("iphone15,2".parse().unwrap()), None),
        (DeviceChoice::Tac("00000000".parse().unwrap()), None),
        (DeviceChoice::Model("' or ''='".parse().unwrap()), None),
    ] {
        let row =
            model.map(|(model, supported)| (supported, data.models[&model.parse().unwrap()].source.clone()));
        let answer = EsimAnswer::of_catalogue(version, row);
        assert_eq!(db.store.esim_support(&choice).await.unwrap(), answer, "{choice:?}");
    }
    let assortments = db.store.assortments().await.unwrap();
    assert_eq!(assortments.len(), 31);
    let samsung = assortments.iter().find(|one| one.brand.slug.as_str() == "samsung").unwrap();
    assert_eq!(samsung.brand.id, DeviceBrandId::of(&"samsung".parse().unwrap()));
    assert!(samsung.models.iter().any(|model| model.name.as_str() == "Galaxy S25"));
    assert!(samsung.models.iter().all(|model| model.homologated));
}

pub async fn a_choice_is_kept_once(db: &Fixture) {
    for choice in [
        DeviceChoice::Model("L'Original \"1\"".parse().unwrap()),
        DeviceChoice::Code("iPhone15,2".parse().unwrap()),
        DeviceChoice::Tac("35050556".parse().unwrap()),
    ] {
        let hash = DeviceHash::of(&choice);
        let kept = join_all((0..50).map(|_| db.store.keep_choice(&choice, hash))).await;
        assert!(kept.into_iter().all(|kept| kept.is_ok()));
    }
    assert_eq!(db.database.count("select count(*) from device_model").await, 3);
    let whole =
        "select count(*) from device_model where code = 'iPhone15,2' and tac is null and model is null";
    assert_eq!(db.database.count(whole).await, 1);
}

/// A catalogue with every character that a list may have and that may break a statement.
fn odd() -> DeviceData {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("device_brands.csv", "slug,name\nlori,L'Original\n"),
        (
            "device_models.csv",
            "brand_slug,model,name,supports_esim,source,homologated\n\
             lori,L'1,\"D'\"\"Um\"\" \\ $1 ã 电\",true,'--,false\nlori,L2,Zwei,false,,true\n",
        ),
        ("device_codes.csv", "code,model\n\"1,1';\",L'1\n"),
        ("device_tacs.csv", "tac,model,source\n00000001,L'1,\n00000002,L2,\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    DeviceData::read(folder.path(), |_| {}).unwrap()
}

async fn devices_edition(db: &Fixture, given: &DeviceData) -> Edition<DeviceChanges> {
    let (over, kept) = db.store.devices().await.unwrap();
    Edition { over, version: DataVersion::new(), changes: DeviceChanges::between(&kept, given) }
}

pub async fn another_catalogue_takes_its_place_and_back(db: &Fixture) {
    let (_, first) = db.store.devices().await.unwrap();
    assert_eq!(
        (first.brands.len(), first.models.len(), first.codes.len(), first.tacs.len()),
        (31, 415, 880, 1389)
    );
    for given in [odd(), first] {
        let edition = devices_edition(db, &given).await;
        let version = edition.version;
        assert!(db.store.change_devices(edition).await.unwrap());
        assert_eq!(db.store.devices().await.unwrap(), (version, given));
        assert_eq!(db.store.data_versions().await.unwrap().devices, version);
    }
}

pub async fn a_changed_line_is_changed(db: &Fixture) {
    let given = odd();
    assert!(db.store.change_devices(devices_edition(db, &given).await).await.unwrap());
    let mut other = given.clone();
    let second = "L2".parse().unwrap();
    other.models.get_mut(&second).unwrap().supports_esim = true;
    other.codes.insert("1,1';".parse().unwrap(), second.clone());
    other.tacs.get_mut(&"00000001".parse().unwrap()).unwrap().model = second;
    other.models.remove(&"L'1".parse().unwrap());
    assert!(db.store.change_devices(devices_edition(db, &other).await).await.unwrap());
    assert_eq!(db.store.devices().await.unwrap().1, other);
    let moved = DeviceChoice::Tac("00000001".parse().unwrap());
    let answer = db.store.esim_support(&moved).await.unwrap();
    let version = db.store.data_versions().await.unwrap().devices;
    assert_eq!((answer.support, answer.list_version), (EsimSupport::Yes, version));
}

pub async fn an_import_that_was_overtaken_changes_nothing(db: &Fixture) {
    let late = devices_edition(db, &DeviceData::default()).await;
    assert!(db.store.change_devices(devices_edition(db, &odd()).await).await.unwrap());
    assert!(!db.store.change_devices(late).await.unwrap());
    assert_eq!(db.store.devices().await.unwrap().1, odd());
}

pub async fn of_two_imports_at_once_one_is_written(db: &Fixture) {
    let editions = [devices_edition(db, &odd()).await, devices_edition(db, &DeviceData::default()).await];
    let written = join_all(editions.map(|edition| db.store.change_devices(edition))).await;
    // An import that waited too long for the other was refused, and changed nothing either.
    assert_eq!(written.iter().filter(|written| **written == Ok(true)).count(), 1, "{written:?}");
    let (_, kept) = db.store.devices().await.unwrap();
    assert!(kept == odd() || kept == DeviceData::default(), "one list or the other, and no mixture");
}

pub async fn another_list_of_localities_takes_its_place(db: &Fixture) {
    let (over, kept) = db.store.ddds().await.unwrap();
    assert_eq!(kept.localities.len(), 5_571);
    let mut given = DddData::default();
    given.localities.insert("11000".parse::<Cnl>().unwrap(), "11".parse().unwrap());
    given.localities.insert("1100015".parse::<Cnl>().unwrap(), "23".parse().unwrap());
    let changes = DddChanges::between(&kept, &given);
    let edition = Edition { over, version: DataVersion::new(), changes };
    assert!(db.store.change_ddds(edition.clone()).await.unwrap());
    assert!(!db.store.change_ddds(edition).await.unwrap(), "over another version");
    assert_eq!(db.store.ddds().await.unwrap().1, given);
    let in_use = db.store.ddds_in_use().await.unwrap();
    assert_eq!(in_use, ["11", "23"].map(|ddd| ddd.parse().unwrap()).into_iter().collect());
}
