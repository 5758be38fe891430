//! Traces of load over time. The unit is one fully used task.

pub struct Trace {
    pub name: &'static str,
    pub seconds: i64,
    pub load: fn(i64) -> f64,
    /// True while no measurement is available.
    pub missing: fn(i64) -> bool,
    /// Maximum mean count, relative to ECS.
    pub most_of_mean: f64,
}

fn never(_: i64) -> bool {
    false
}

/// Returns reproducible noise between −1 and 1.
fn noise(now: i64) -> f64 {
    let mixed = (now as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

const HOUR: i64 = 3600;

pub fn traces() -> Vec<Trace> {
    let trace = |name, hours: i64, load: fn(i64) -> f64| Trace {
        name,
        seconds: hours * HOUR,
        load,
        missing: never,
        most_of_mean: 1.05,
    };
    vec![
        trace("steady", 2, |_| 2.2),
        trace("step up", 2, |now| if now < 1200 { 2.2 } else { 9.0 }),
        trace("step down", 3, |now| if now < HOUR { 9.0 } else { 2.2 }),
        trace("up and down", 4, |now| if (HOUR..2 * HOUR).contains(&now) { 12.0 } else { 2.2 }),
        trace("ramp", 4, |now| 2.0 + 10.0 * (now.min(2 * HOUR) as f64) / (2 * HOUR) as f64),
        trace("day", 24, |now| 8.0 - 6.0 * (std::f64::consts::TAU * now as f64 / (24 * HOUR) as f64).cos()),
        Trace { most_of_mean: 1.10, ..trace("noise of 8 %", 4, |now| 4.8 * (1.0 + 0.08 * noise(now))) },
        Trace { most_of_mean: 1.20, ..trace("noise of 20 %", 4, |now| 4.8 * (1.0 + 0.20 * noise(now))) },
        Trace {
            most_of_mean: 1.80,
            ..trace("spikes of 45 s", 4, |now| if (600..645).contains(&(now % HOUR)) { 9.0 } else { 2.2 })
        },
        Trace {
            most_of_mean: 1.15,
            ..trace("bursts of 10 min", 4, |now| if (600..1200).contains(&(now % HOUR)) { 9.0 } else { 2.2 })
        },
        Trace {
            missing: |now| (HOUR..HOUR + 1800).contains(&now),
            ..trace("half an hour unmeasured", 3, |now| if now < HOUR { 9.0 } else { 2.2 })
        },
        Trace {
            missing: |now| now % 300 < 60,
            ..trace("a minute in five unmeasured", 3, |now| if now < HOUR { 2.2 } else { 9.0 })
        },
    ]
}
