//! AWS's Price List: asked for through its API, or read as offer files from paths and URLs. Thin:
//! what the answers mean is in `price_list_convert`.
//!
//! List prices only: what was agreed with AWS, and credits, are in no list.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_sdk_pricing::Client;
use aws_sdk_pricing::types::{Filter, FilterType};
use tokio::sync::mpsc;

use super::price_list_convert::{
    EMR, EMR_SERVERLESS, GLUE, PriceList, PriceListError, add_products,
};
use super::{price_list_csv, price_list_file};
use crate::aws::{AwsError, Download, Trouble, in_region};

/// AWS's limit for a page.
const PAGE_PRODUCTS: i32 = 100;
/// Pages of one list, beyond which something is wrong: the whole of Glue is about twenty.
const PAGES_MAX: usize = 1_000;
/// Pieces of a download that wait to be read.
const PIECES_WAITING_MAX: usize = 16;

/// Where an offer file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferFile {
    /// In a file.
    Path(PathBuf),
    /// At an `https://` or `http://` address.
    Url(String),
}

impl std::str::FromStr for OfferFile {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        Ok(if is_url { Self::Url(text.to_owned()) } else { Self::Path(text.into()) })
    }
}

impl fmt::Display for OfferFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// One list, read or not.
#[derive(Debug)]
pub struct Reading {
    /// What was read, for people.
    pub source: String,
    /// What it has all prices of.
    pub scope: Scope,
    /// The list, or why there is none.
    pub list: Result<PriceList, ReadError>,
}

/// What a list has all prices of: a price known before that is not in it is no longer listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The service in every region.
    Everywhere,
    /// The service in one region.
    Region(String),
    /// The service in the regions that it has products of: a file may be of one region or of all.
    RegionsSeen,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// AWS, or another server, did not give it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A file that cannot be read.
    #[error("cannot read the file: {0}")]
    File(#[from] io::Error),
    /// It is no list of ours.
    #[error(transparent)]
    List(#[from] PriceListError),
    /// A list without an end.
    #[error("{0}: the list has no end")]
    Endless(String),
    /// AWS could not be used for the list before this one.
    #[error("not asked for, after that")]
    NotAsked,
    /// Reading was given up.
    #[error("reading was interrupted")]
    Interrupted,
}

impl ReadError {
    /// Whether AWS or a server as a whole could not be used.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_unavailable(),
            Self::NotAsked => true,
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Aws(AwsError { trouble: Trouble::AccessDenied, .. }) => {
                "allow `pricing:GetProducts`, or read offer files: `--from` takes paths and URLs"
            }
            Self::Aws(AwsError { trouble: Trouble::Throttled, .. }) => {
                "AWS kept throttling; start again later, or read offer files with `--from`"
            }
            Self::Aws(error) => error.trouble.hint(),
            Self::File(_) => "look whether the path is right",
            Self::List(_) => {
                "an offer file is `index.json` or `index.csv` of AWSGlue or ElasticMapReduce"
            }
            Self::Endless(_) | Self::NotAsked | Self::Interrupted => "start again",
        }
    }
}

/// Asks the Price List API for Glue and EMR Serverless, in these regions or, without any, in all.
pub async fn query(config: &SdkConfig, regions: &[String]) -> Vec<Reading> {
    let client = Client::new(&in_region(config, endpoint_region(config)));
    let mut asked: Vec<(&str, Option<&str>)> = Vec::new();
    for service in [GLUE, EMR] {
        match regions {
            [] => asked.push((service, None)),
            some => asked.extend(some.iter().map(|region| (service, Some(region.as_str())))),
        }
    }
    let mut readings = Vec::with_capacity(asked.len());
    let mut is_hopeless = false;
    for (service, region) in asked {
        let place = region.map(|region| format!(" in {region}")).unwrap_or_default();
        let source = format!("Price List API, {service}{place}");
        // Without a network there is no sense in asking for the rest, a minute each.
        let list = match is_hopeless {
            true => Err(ReadError::NotAsked),
            false => products(&client, service, region).await,
        };
        is_hopeless = list.as_ref().is_err_and(ReadError::is_unavailable);
        let scope = region.map_or(Scope::Everywhere, |region| Scope::Region(region.to_owned()));
        readings.push(Reading { source, scope, list });
    }
    readings
}

/// The Price List API answers in three regions only: the nearest by its name.
fn endpoint_region(config: &SdkConfig) -> &'static str {
    match config.region().map_or("", |region| region.as_ref()) {
        region if region.starts_with("eu-") => "eu-central-1",
        region if region.starts_with("ap-") => "ap-south-1",
        _ => "us-east-1",
    }
}

async fn products(
    client: &Client,
    service: &str,
    region: Option<&str>,
) -> Result<PriceList, ReadError> {
    let action = format!("pricing GetProducts of {service}");
    let mut filters = Vec::new();
    if service == EMR {
        filters.push(filter("productFamily", EMR_SERVERLESS, &action)?);
    }
    if let Some(region) = region {
        filters.push(filter("regionCode", region, &action)?);
    }
    let mut list = PriceList { service: service.to_owned(), ..PriceList::default() };
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let page = client
            .get_products()
            .service_code(service)
            .set_filters(Some(filters.clone()))
            .format_version("aws_v1")
            .max_results(PAGE_PRODUCTS)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        add_products(&mut list, service, page.price_list());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(list);
        }
    }
    Err(ReadError::Endless(action))
}

fn filter(field: &str, value: &str, action: &str) -> Result<Filter, AwsError> {
    let filter = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value);
    filter.build().map_err(|error| AwsError {
        action: action.to_owned(),
        trouble: Trouble::Other,
        message: error.to_string(),
    })
}

/// Reads an offer file, in JSON or CSV, without ever holding it as a whole.
pub async fn read(file: &OfferFile) -> Reading {
    let source = file.to_string();
    let list = match file {
        OfferFile::Path(path) => {
            let path = path.clone();
            let reading = tokio::task::spawn_blocking(move || read_path(&path));
            reading.await.unwrap_or(Err(ReadError::Interrupted))
        }
        OfferFile::Url(url) => read_url(url).await,
    };
    Reading { source, scope: Scope::RegionsSeen, list }
}

fn read_path(path: &Path) -> Result<PriceList, ReadError> {
    parse(BufReader::new(File::open(path)?))
}

/// Downloads on this task and parses on another: a parser waits for its bytes.
async fn read_url(url: &str) -> Result<PriceList, ReadError> {
    let mut download = Download::open(url).await?;
    let (give, take) = mpsc::channel::<Vec<u8>>(PIECES_WAITING_MAX);
    let pieces = Pieces { take, piece: io::Cursor::default() };
    let parsing = tokio::task::spawn_blocking(move || parse(BufReader::new(pieces)));
    let broken = loop {
        match download.next().await {
            Ok(Some(piece)) => {
                if give.send(piece).await.is_err() {
                    // The parser has seen enough, and says what it did not like.
                    break None;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    drop(give);
    let parsed = parsing.await.unwrap_or(Err(ReadError::Interrupted));
    // What came until the connection broke is no list, even where it parses.
    broken.map_or(parsed, |error| Err(error.into()))
}

/// Tells JSON from CSV by the first byte that says something.
fn parse(mut from: impl BufRead) -> Result<PriceList, ReadError> {
    let first = loop {
        match from.fill_buf()? {
            [] => return Err(PriceListError::Format("it is empty".to_owned()).into()),
            [byte, ..] if byte.is_ascii_whitespace() => from.consume(1),
            [byte, ..] => break *byte,
        }
    };
    if first == 0x1f {
        let packed = "it is compressed: unpack it first".to_owned();
        return Err(PriceListError::Format(packed).into());
    }
    let is_csv = first == b'"' || first.is_ascii_alphabetic();
    Ok(if is_csv { price_list_csv::offer_file(from)? } else { price_list_file::offer_file(from)? })
}

/// A download's pieces, for a parser that wants to wait for its bytes.
struct Pieces {
    take: mpsc::Receiver<Vec<u8>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.take.blocking_recv() {
                Some(piece) => self.piece = io::Cursor::new(piece),
                None => return Ok(0),
            }
        }
    }
}
