//! The clocks of a PipelineRun (`pkg/apis/pipeline/v1/pipelinerun_types.go`).

use std::time::Duration;

use crate::spec::duration::GoDuration;
use crate::spec::pipeline::TimeoutFields;

/// `default-timeout-minutes`.
const DEFAULT: GoDuration = GoDuration::from_mins(60);

/// The limits of a PipelineRun; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// The whole run.
    pub pipeline: Option<Duration>,
    /// The tasks, from the start of the run.
    pub tasks: Option<Duration>,
    /// The finally tasks, from the start of the first.
    pub finally: Option<Duration>,
    task_attempt: GoDuration,
    finally_attempt: GoDuration,
}

impl Timeouts {
    /// The limits that follow from `spec.timeouts`.
    pub fn new(fields: Option<&TimeoutFields>) -> Self {
        let given = fields.cloned().unwrap_or_default();
        let pipeline = given.pipeline.unwrap_or(DEFAULT);
        let rest = |other: Option<GoDuration>| {
            other
                .filter(|other| other.0 != 0 && pipeline.0 != 0)
                .map(|other| GoDuration(pipeline.0 - other.0))
        };
        let tasks = given.tasks.or_else(|| rest(given.finally));
        let finally = given.finally.or_else(|| rest(given.tasks));
        Self {
            pipeline: pipeline.limit(),
            tasks: tasks.and_then(GoDuration::limit),
            finally: finally.and_then(GoDuration::limit),
            task_attempt: attempt(tasks),
            finally_attempt: attempt(finally),
        }
    }

    /// The limit of one attempt of a TaskRun (`pkg/reconciler/pipelinerun/pipelinerun.go`,
    /// `getTaskrunTimeout`): its own when it has one, else what its side of the run implies.
    pub fn attempt(&self, own: Option<GoDuration>, finally: bool) -> Option<Duration> {
        own.unwrap_or(if finally {
            self.finally_attempt
        } else {
            self.task_attempt
        })
        .limit()
    }
}

/// More than the default, or none at all, reaches the TaskRuns; less does not.
fn attempt(side: Option<GoDuration>) -> GoDuration {
    side.filter(|side| *side > DEFAULT || side.0 == 0)
        .unwrap_or(DEFAULT)
}

/// The limit of one attempt of a standalone TaskRun.
pub fn standalone(own: Option<GoDuration>) -> Option<Duration> {
    own.unwrap_or(DEFAULT).limit()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timeouts;
    use crate::spec::duration::GoDuration;

    fn timeouts(pipeline: &str, tasks: &str, finally: &str) -> Timeouts {
        let parse = |text: &str| GoDuration::parse(text);
        Timeouts::new(Some(&crate::spec::pipeline::TimeoutFields {
            pipeline: parse(pipeline),
            tasks: parse(tasks),
            finally: parse(finally),
        }))
    }

    const fn mins(mins: u64) -> Duration {
        Duration::from_secs(mins * 60)
    }

    #[test]
    fn attempts_get_an_hour_unless_a_side_has_more() {
        assert_eq!(timeouts("3h", "", "").attempt(None, false), Some(mins(60)));
        let both = timeouts("3h", "2h", "");
        assert_eq!(
            (both.attempt(None, false), both.attempt(None, true)),
            (Some(mins(120)), Some(mins(60)))
        );
        assert_eq!(both.attempt(Some(GoDuration(0)), false), None);
        assert_eq!(both.attempt(GoDuration::parse("1m"), false), Some(mins(1)));
    }

    #[test]
    fn what_one_side_leaves_is_the_others() {
        let limits = timeouts("1m", "", "2s");
        assert_eq!(limits.tasks, Some(Duration::from_secs(58)));
        assert_eq!(limits.finally, Some(Duration::from_secs(2)));
        assert_eq!(Timeouts::new(None).pipeline, Some(mins(60)));
        assert_eq!(timeouts("0", "3h", "").pipeline, None);
    }
}
