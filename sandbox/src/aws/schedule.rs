//! Schedule expressions of `EventBridge` rules, checked as AWS checks them.

/// Whether `EventBridge` accepts this expression for a rule: `rate(…)` or `cron(…)`.
pub fn valid(expression: &str) -> bool {
    let inside = |name: &str| expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    match (inside("rate"), inside("cron")) {
        (Some(rate), _) => valid_rate(rate),
        (_, Some(cron)) => valid_cron(cron),
        _ => false,
    }
}

/// A positive number and a unit; the unit is singular for 1 and plural for more.
fn valid_rate(rate: &str) -> bool {
    let Some((number, unit)) = rate.split_once(' ') else {
        return false;
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    match number.parse::<u32>() {
        Ok(0) | Err(_) => false,
        Ok(1) => matches!(unit, "minute" | "hour" | "day"),
        Ok(_) => matches!(unit, "minutes" | "hours" | "days"),
    }
}

/// Six fields: minutes, hours, day of month, month, day of week, year; exactly one of the day fields is `?`.
fn valid_cron(cron: &str) -> bool {
    const MONTHS: &[&str] =
        &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
        return false;
    };
    if (*day == "?") == (*weekday == "?") {
        return false;
    }
    valid_field(minutes, 0, 59, &[])
        && valid_field(hours, 0, 23, &[])
        && (*day == "?" || valid_day(day))
        && valid_field(month, 1, 12, MONTHS)
        && (*weekday == "?" || valid_weekday(weekday, DAYS))
        && valid_field(year, 1970, 2199, &[])
}

/// Day of month: also `L` and the weekday next to a day, `15W`.
fn valid_day(day: &str) -> bool {
    let nearest = day.strip_suffix('W').and_then(|number| number.parse::<u32>().ok());
    day == "L" || nearest.is_some_and(|number| (1..=31).contains(&number)) || valid_field(day, 1, 31, &[])
}

/// Day of week: also `L`, `5L` and the n-th of the month, `3#2`.
fn valid_weekday(weekday: &str, names: &[&str]) -> bool {
    let is_day = |text: &str| value(text, 1, 7, names).is_some();
    if let Some((day, nth)) = weekday.split_once('#') {
        return is_day(day) && matches!(nth, "1" | "2" | "3" | "4" | "5");
    }
    weekday == "L" || weekday.strip_suffix('L').is_some_and(is_day) || valid_field(weekday, 1, 7, names)
}

/// A list of `*`, values, ranges, each with an optional step.
fn valid_field(field: &str, low: u32, high: u32, names: &[&str]) -> bool {
    field.split(',').all(|part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let step_is_fine = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
        let range_is_fine = range == "*"
            || match range.split_once('-') {
                Some((from, to)) => {
                    value(from, low, high, names).is_some() && value(to, low, high, names).is_some()
                }
                None => value(range, low, high, names).is_some(),
            };
        step_is_fine && range_is_fine
    })
}

/// A number within the limits, or a name.
fn value(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u32> {
    if names.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Some(low);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (low..=high).contains(number))
}

#[cfg(test)]
mod tests {
    use super::valid;

    #[test]
    fn expressions_that_aws_documents_are_accepted() {
        for good in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(1 day)",
            "rate(12 hours)",
            "cron(0 10 * * ? *)",
            "cron(15 12 * * ? *)",
            "cron(0 18 ? * MON-FRI *)",
            "cron(0 8 1 * ? *)",
            "cron(0/10 * ? * MON-FRI *)",
            "cron(0/5 8-17 ? * MON-FRI *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 L * ? *)",
            "cron(0 9 ? * 6L 2027-2030)",
            "cron(30 0 15W * ? *)",
        ] {
            assert!(valid(good), "{good}");
        }
    }

    #[test]
    fn expressions_that_aws_refuses_are_refused() {
        for bad in [
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(0 minutes)",
            "rate(-1 days)",
            "rate(5)",
            "rate(1.5 hours)",
            "rate(1 week)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(0 10 1 * MON *)",
            "cron(60 10 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 10 32 * ? *)",
            "cron(0 10 * 13 ? *)",
            "cron(0 10 ? * 8 *)",
            "cron(0 10 * * ?)",
            "cron(bogus)",
            "every day",
            "at(2030-01-01T00:00:00)",
            "",
            "cron(0 10 * * ? 1969)",
            "cron(0/0 10 * * ? *)",
        ] {
            assert!(!valid(bad), "{bad}");
        }
    }
}
