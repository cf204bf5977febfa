//! What is submitted to be trained: a spec, and the data that it names.

use aquifer_coordinator::search::{Point, Points};
use aquifer_frame::SourceOptions;
use aquifer_model::{Report, Spec};
use aquifer_proto::v1::{TrainJob, submit_request};

use crate::client::Client;
use crate::data::{Data, survey_files};
use crate::failure::usage;
use crate::precheck;

/// A spec with its data, read but not looked at.
pub(crate) struct Submission {
    pub(crate) spec: Spec,
    pub(crate) train: Data,
    pub(crate) validation: Option<Data>,
    pub(crate) test: Option<Data>,
    pub(crate) options: SourceOptions,
}

/// Candidates of a search that are looked at before it begins.
const CHECKED_MAX: u32 = 1_000;

impl Submission {
    /// `ignored`: columns that are left out of the files.
    pub(crate) fn new(spec: Spec, ignored: &[String], hint: &str) -> Result<Self, Report> {
        let named = |arguments: &[String]| (!arguments.is_empty()).then(|| Data::read(arguments)).transpose();
        let train = match &spec.frame {
            Some(frame) => Data::Frame(frame.clone()),
            None => named(&spec.data)?.ok_or_else(|| usage("no_data", "no data was given").hint(hint))?,
        };
        let (validation, test) = (named(&spec.valid)?, named(&spec.test)?);
        let options = SourceOptions { ignored: ignored.to_vec(), ..spec.source_options() };
        Ok(Self { spec, train, validation, test, options })
    }

    pub(crate) fn all(&self) -> Vec<&Data> {
        [Some(&self.train), self.validation.as_ref(), self.test.as_ref()].into_iter().flatten().collect()
    }

    /// All that can be known to be wrong before anything starts; of a search candidate by candidate.
    pub(crate) fn check(&self) -> Result<(), Report> {
        let Some(search) = &self.spec.search else { return precheck::check(&self.spec, &self.train, &self.options) };
        self.spec.check()?;
        let mut points = Points::new(search);
        let rows = match &self.train {
            Data::Files(files) => {
                let found = survey_files(files, &self.options)?;
                precheck::check_columns(&self.spec, &found)?;
                Some(found.rows)
            }
            Data::Frame(_) => None,
        };
        for number in 0..points.len().min(CHECKED_MAX) {
            let Some(point) = points.point(number) else { break };
            let candidate = self.spec.candidate(&point).map_err(Report::from);
            let checked = candidate.and_then(|candidate| match (number, rows) {
                (0, _) => precheck::check(&candidate, &self.train, &self.options),
                (_, Some(rows)) => candidate.resolve(rows, "").map(drop).map_err(Report::from),
                (_, None) => candidate.check().map_err(Report::from),
            });
            match checked {
                // Combinations may have parameters that do not apply to all: these are recorded, and the rest goes on.
                Err(report) if report.code == "not_applicable" && number > 0 => {}
                checked => checked.map_err(|report| of_candidate(number, &point, report))?,
            }
        }
        Ok(())
    }

    /// A text that is equal for equal submissions of equal files.
    pub(crate) fn fingerprint(&self) -> Result<String, Report> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.spec.to_toml().as_bytes());
        for data in self.all() {
            match data {
                Data::Frame(name) => drop(hasher.update(name.as_bytes())),
                Data::Files(files) => {
                    for file in survey_files(files, &self.options)?.files {
                        hasher.update(format!("{}\n{} {}\n", file.path, file.bytes, file.footer).as_bytes());
                    }
                }
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Offers the files to the cluster.
    pub(crate) async fn offer(&self, client: &mut Client) -> anyhow::Result<submit_request::Job> {
        let mut sources = [None, None, None];
        for (source, data) in sources.iter_mut().zip([Some(&self.train), self.validation.as_ref(), self.test.as_ref()])
        {
            if let Some(data) = data {
                *source = Some(data.offer(client, &self.options).await?);
            }
        }
        let [train, validation, test] = sources;
        Ok(submit_request::Job::Train(TrainJob { spec_toml: self.spec.to_toml(), train, validation, test }))
    }
}

fn of_candidate(number: u32, point: &Point, mut report: Report) -> Report {
    let params: Vec<String> = point.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    report.message = format!("candidate {} ({}): {}", number + 1, params.join(", "), report.message);
    report
}
