//! Durations as a person says them.

use std::time::Duration;

/// Three significant digits or so, in the unit that suits: `43 µs`, `1.83 ms`, `12.5 s`.
pub(crate) fn readable(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let in_unit = |unit: u128, name: &str| {
        let (whole, rest) = (nanos / unit, nanos % unit);
        match whole {
            0..=9 => format!("{whole}.{:02} {name}", rest * 100 / unit),
            10..=99 => format!("{whole}.{} {name}", rest * 10 / unit),
            _ => format!("{whole} {name}"),
        }
    };
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{} µs", nanos / 1_000),
        1_000_000..1_000_000_000 => in_unit(1_000_000, "ms"),
        _ => in_unit(1_000_000_000, "s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_suits_the_size() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (43_999, "43 µs"),
            (1_834_000, "1.83 ms"),
            (12_580_000, "12.5 ms"),
            (108_000_000, "108 ms"),
            (2_050_000_000, "2.05 s"),
            (7_200_000_000_000, "7200 s"),
        ] {
            assert_eq!(readable(Duration::from_nanos(nanos)), text);
        }
    }
}
