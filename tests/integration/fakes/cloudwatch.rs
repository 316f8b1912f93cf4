//! CloudWatch: takes metrics that are put, and tells the maximum of those that it measured itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Asked, cbor};

/// What one account's CloudWatch holds in a region.
#[derive(Default)]
pub(crate) struct CloudWatch {
    /// Points in epoch seconds, by namespace, name and dimensions.
    series: BTreeMap<String, Vec<(i64, f64)>>,
    /// Points on one page of an answer; all of them where it is 0.
    pub(crate) page: usize,
    /// What an answer says of each metric, in place of `Complete`.
    pub(crate) status: Option<&'static str>,
}

/// A metric as Service Quotas names it: what the two services have in common.
pub(crate) fn usage_metric(resource: &str, statistic: &str) -> Value {
    json!({
        "MetricNamespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "MetricDimensions": {
            "Class": "None", "Resource": resource, "Service": "A service", "Type": "Resource"
        },
        "MetricStatisticRecommendation": statistic,
    })
}

impl CloudWatch {
    /// Measures a point of a metric.
    pub(crate) fn measure(&mut self, metric: &Value, second: i64, value: f64) {
        let dimensions = metric["MetricDimensions"].as_object().unwrap();
        let dimensions = dimensions.iter().map(|(name, value)| (&**name, value.as_str().unwrap()));
        let name = key(&metric["MetricNamespace"], &metric["MetricName"], dimensions.collect());
        self.series.entry(name).or_default().push((second, value));
    }

    /// Answers in JSON; on its way it becomes CBOR.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        if asked.operation != "GetMetricData" {
            return Answer { status: 200, error_type: None, body: String::new() };
        }
        let input = &asked.input;
        let queries = input["MetricDataQueries"].as_array().unwrap();
        let begin: usize = input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let page = if self.page == 0 { usize::MAX } else { self.page };
        let (mut results, mut more) = (Vec::new(), false);
        for query in queries {
            let points = self.maxima(query, input);
            more |= points.len() > begin.saturating_add(page);
            let points: Vec<_> = points.into_iter().skip(begin).take(page).collect();
            let at = |second: &i64| json!({ "$epoch": second });
            results.push(json!({
                "Id": query["Id"],
                "Label": "ResourceCount",
                "StatusCode": self.status.unwrap_or("Complete"),
                "Timestamps": points.iter().map(|(second, _)| at(second)).collect::<Vec<_>>(),
                "Values": points.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            }));
        }
        let mut answer = json!({ "MetricDataResults": results, "Messages": [] });
        if more {
            answer["NextToken"] = json!((begin + page).to_string());
        }
        Answer::ok(&answer)
    }

    /// The highest value of each of a query's spans, the newest span first, as by default.
    fn maxima(&self, query: &Value, input: &Value) -> Vec<(i64, f64)> {
        let (of, stat) = (&query["MetricStat"]["Metric"], &query["MetricStat"]["Stat"]);
        assert_eq!(stat, "Maximum");
        let dimensions = of["Dimensions"].as_array().unwrap().iter();
        let dimension = |one: &'_ Value| {
            [&one["Name"], &one["Value"]].map(|text| text.as_str().unwrap().to_owned())
        };
        let dimensions: Vec<[String; 2]> = dimensions.map(dimension).collect();
        let dimensions = dimensions.iter().map(|[name, value]| (&**name, &**value)).collect();
        let points = self.series.get(&key(&of["Namespace"], &of["MetricName"], dimensions));
        let second = |name: &str| input[name].as_f64().unwrap();
        let span = query["MetricStat"]["Period"].as_i64().unwrap();
        let mut maxima: BTreeMap<i64, f64> = BTreeMap::new();
        for (at, value) in points.into_iter().flatten() {
            let is_in = |at: f64| second("StartTime") <= at && at < second("EndTime");
            #[expect(clippy::cast_precision_loss, reason = "seconds of our time are small")]
            if is_in(*at as f64) {
                let highest = maxima.entry(at - at.rem_euclid(span)).or_default();
                *highest = highest.max(*value);
            }
        }
        maxima.into_iter().rev().collect()
    }
}

fn key(namespace: &Value, name: &Value, mut dimensions: Vec<(&str, &str)>) -> String {
    dimensions.sort_unstable();
    format!("{namespace} {name} {dimensions:?}")
}

/// The request's members. Metrics that are put stay the bytes that they are: texts stand in them.
pub(crate) fn understand(operation: &str, body: &[u8]) -> Value {
    if operation == "GetMetricData" { cbor::decode(body) } else { json!(body) }
}
