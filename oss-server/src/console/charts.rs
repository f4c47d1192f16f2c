//! Charts of the console's own figures, as the parts of an SVG that the templates draw.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use oss_core::Ddd;

use super::times::Moment;

/// The hours that a chart shows.
pub(super) const HOURS: i32 = 24;

/// The height of the highest column, and the place of a column and the next one, in units of the image.
const HEIGHT: u64 = 60;
const STEP: i32 = 10;

/// A chart with a column for each hour of a day, the oldest on the left.
pub(super) struct Hours {
    pub(super) title: &'static str,
    /// The sum of all columns.
    pub(super) total: u64,
    pub(super) columns: Vec<Column>,
}

/// A column of a chart.
pub(super) struct Column {
    pub(super) hour: Moment,
    pub(super) count: u64,
    pub(super) x: i32,
    pub(super) y: u64,
    pub(super) height: u64,
}

impl Hours {
    /// The chart of counts by the begin of their hour, which ends with the current hour.
    pub(super) fn of(
        title: &'static str,
        now: DateTime<Utc>,
        counts: impl IntoIterator<Item = (DateTime<Utc>, u64)>,
    ) -> Self {
        let mut by_hour: BTreeMap<DateTime<Utc>, u64> = BTreeMap::new();
        for (hour, count) in counts {
            *by_hour.entry(hour).or_default() += count;
        }
        // A whole hour is within the range of any time that a clock shows.
        let current = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        let hours = (0..HOURS).map(|at| (at, current - TimeDelta::hours(i64::from(HOURS - 1 - at))));
        let shown: Vec<_> =
            hours.map(|(at, hour)| (at, hour, by_hour.get(&hour).copied().unwrap_or(0))).collect();
        let most = shown.iter().map(|(.., count)| *count).max().unwrap_or(0).max(1);
        let column = |(at, hour, count): (i32, DateTime<Utc>, u64)| {
            // A count that is not zero is seen.
            let height = (count * HEIGHT / most).max(u64::from(count > 0));
            Column { hour: hour.into(), count, x: at * STEP, y: HEIGHT - height, height }
        };
        let total = shown.iter().map(|(.., count)| count).sum();
        Self { title, total, columns: shown.into_iter().map(column).collect() }
    }
}

/// The area codes, roughly as they lie on the map of Brazil: the row and the column of each tile.
const TILES: [(u8, u8, u8); 67] = [
    (95, 0, 3),
    (96, 0, 6),
    (97, 1, 2),
    (92, 1, 3),
    (93, 1, 4),
    (91, 1, 6),
    (98, 1, 7),
    (86, 1, 8),
    (85, 1, 9),
    (84, 1, 10),
    (68, 2, 1),
    (69, 2, 2),
    (66, 2, 3),
    (94, 2, 5),
    (99, 2, 7),
    (89, 2, 8),
    (88, 2, 9),
    (83, 2, 10),
    (65, 3, 3),
    (63, 3, 5),
    (77, 3, 7),
    (74, 3, 8),
    (87, 3, 9),
    (81, 3, 10),
    (64, 4, 4),
    (62, 4, 5),
    (61, 4, 6),
    (75, 4, 8),
    (79, 4, 9),
    (82, 4, 10),
    (67, 5, 3),
    (34, 5, 5),
    (38, 5, 6),
    (33, 5, 7),
    (73, 5, 8),
    (71, 5, 9),
    (17, 6, 4),
    (16, 6, 5),
    (37, 6, 6),
    (31, 6, 7),
    (27, 6, 8),
    (18, 7, 3),
    (14, 7, 4),
    (19, 7, 5),
    (35, 7, 6),
    (32, 7, 7),
    (28, 7, 8),
    (44, 8, 2),
    (43, 8, 3),
    (15, 8, 4),
    (11, 8, 5),
    (12, 8, 6),
    (24, 8, 7),
    (22, 8, 8),
    (45, 9, 2),
    (42, 9, 3),
    (41, 9, 4),
    (13, 9, 5),
    (21, 9, 7),
    (46, 10, 2),
    (49, 10, 3),
    (47, 10, 4),
    (55, 11, 2),
    (54, 11, 3),
    (48, 11, 4),
    (53, 12, 3),
    (51, 12, 4),
];

/// The side of a tile with its gap, in units of the image.
const TILE: u32 = 32;

/// The darkest shade.
const DARKEST: u64 = 5;

/// A tile of the map.
pub(super) struct Tile {
    pub(super) ddd: u8,
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) draws: u64,
    pub(super) none_left: u64,
    /// From 0, for none, to 5, for the most draws.
    pub(super) shade: u64,
}

/// The map of the draws of each area code, and of the draws for which no number was left.
pub(super) fn map(draws: impl IntoIterator<Item = (Ddd, u64, u64)>) -> Vec<Tile> {
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (ddd, drawn, none_left) in draws {
        let count = counts.entry(ddd.to_string()).or_default();
        *count = (count.0 + drawn, count.1 + none_left);
    }
    let most = counts.values().map(|(draws, _)| *draws).max().unwrap_or(0).max(1);
    let tile = |(ddd, row, column): (u8, u8, u8)| {
        let (draws, none_left) = counts.get(&ddd.to_string()).copied().unwrap_or_default();
        let shade = (draws * DARKEST).div_ceil(most);
        Tile { ddd, x: u32::from(column - 1) * TILE, y: u32::from(row) * TILE, draws, none_left, shade }
    };
    TILES.map(tile).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_map_has_each_area_code_once_and_no_two_tiles_at_one_place() {
        let list = include_str!("../../../migrations/data/location_ddd.csv");
        let known: BTreeSet<u8> =
            list.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
        assert_eq!(TILES.iter().map(|(ddd, ..)| *ddd).collect::<BTreeSet<_>>(), known);
        let places: BTreeSet<_> = TILES.iter().map(|(_, row, column)| (row, column)).collect();
        assert_eq!(places.len(), TILES.len());
    }

    #[test]
    fn the_shade_of_a_tile_follows_its_draws() {
        let ddd = |text: &str| text.parse::<Ddd>().unwrap();
        let tiles = map([(ddd("11"), 90, 0), (ddd("11"), 10, 2), (ddd("21"), 1, 0)]);
        let of = |ddd| tiles.iter().find(|tile| tile.ddd == ddd).unwrap();
        assert_eq!((of(11).draws, of(11).none_left, of(11).shade), (100, 2, 5));
        assert_eq!((of(21).shade, of(31).shade), (1, 0));
    }

    #[test]
    fn a_chart_has_each_hour_of_the_day_up_to_now() {
        let now: DateTime<Utc> = "2026-11-27T20:31:00Z".parse().unwrap();
        let hour = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let counts = [
            (hour("2026-11-27T20:00:00Z"), 30),
            (hour("2026-11-27T20:00:00Z"), 30),
            (hour("2026-11-26T21:00:00Z"), 1),
            (hour("2026-11-26T20:00:00Z"), 9),
        ];
        let chart = Hours::of("", now, counts);
        assert_eq!((chart.columns.len(), chart.total), (24, 61));
        let (first, last) = (&chart.columns[0], &chart.columns[23]);
        assert_eq!((first.count, first.height, first.x), (1, 1, 0));
        assert_eq!((last.count, last.height, last.y, last.x), (60, 60, 0, 230));
    }
}
