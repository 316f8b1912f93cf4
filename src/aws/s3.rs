//! Putting a file into S3, whole or not at all: a small one with one request, a larger one in parts
//! that become an object together, or are given up together.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::str::FromStr;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_types::service_config::ServiceConfigKey;

use super::{AwsError, Trouble};

/// Bytes of a part; each is held in memory while it is on its way. S3 takes no less than 5 MiB.
const PART_BYTES: u64 = 16 << 20;
/// Parts that S3 takes for one object.
const PARTS_MAX: u64 = 10_000;

/// A place in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Address {
    /// The bucket.
    pub bucket: String,
    /// The key in it.
    pub key: String,
}

/// A text that is no place in S3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place in S3; write it like s3://bucket/folder/name.parquet")]
pub struct S3AddressError(String);

impl FromStr for S3Address {
    type Err = S3AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.strip_prefix("s3://").and_then(|place| place.split_once('/'));
        match parts {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() && !key.ends_with('/') => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err(S3AddressError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for S3Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// S3, as the configuration reaches it.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
    part_bytes: u64,
}

impl S3 {
    /// S3 for that configuration. Where an endpoint of its own is set, buckets are part of the
    /// path: such a server rarely has a host name for each.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = config.service_config().and_then(|service| service.load_config(key.ok()?));
        let by_path = own.is_some() || config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build();
        Self { client: Client::from_conf(config), part_bytes: PART_BYTES }
    }

    /// Puts a file at a place, over what may be there. Until this has returned, the place holds
    /// what it held before.
    ///
    /// # Errors
    /// When the file cannot be read or S3 refuses it. Nothing is left of it then, unless the parts
    /// could not be given up either, which the message says.
    pub async fn put(
        &self,
        mut file: File,
        place: &S3Address,
        content_type: &str,
    ) -> Result<(), AwsError> {
        let action = format!("s3 PutObject {place}");
        let unread = |error: io::Error| AwsError {
            action: action.clone(),
            trouble: Trouble::Other,
            message: format!("cannot read the temporary file: {error}"),
        };
        file.rewind().map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        if length > self.part_bytes {
            return self.put_in_parts(file, length, place, content_type).await;
        }
        let (_, bytes) = next_part(file, length).await.map_err(unread)?;
        self.client
            .put_object()
            .bucket(&place.bucket)
            .key(&place.key)
            .content_type(content_type)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        Ok(())
    }

    async fn put_in_parts(
        &self,
        file: File,
        length: u64,
        place: &S3Address,
        content_type: &str,
    ) -> Result<(), AwsError> {
        let action = format!("s3 CreateMultipartUpload {place}");
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&place.bucket)
            .key(&place.key)
            .content_type(content_type)
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        let upload = begun.upload_id.ok_or_else(|| AwsError {
            action,
            trouble: Trouble::Other,
            message: "the answer names no upload".to_owned(),
        })?;
        let Err(mut failure) = self.fill(file, length, place, &upload).await else { return Ok(()) };
        let given_up = self
            .client
            .abort_multipart_upload()
            .bucket(&place.bucket)
            .key(&place.key)
            .upload_id(&upload)
            .send()
            .await;
        if let Err(error) = given_up {
            let error = AwsError::new("AbortMultipartUpload", &error);
            failure.message += &format!(
                "; the parts that were taken are kept, and paid for, until upload {upload} is \
                 aborted: {error}"
            );
        }
        Err(failure)
    }

    /// Sends the parts, one after the other, and makes an object of them.
    async fn fill(
        &self,
        mut file: File,
        length: u64,
        place: &S3Address,
        upload: &str,
    ) -> Result<(), AwsError> {
        let size = self.part_bytes.max(length.div_ceil(PARTS_MAX));
        let mut parts = Vec::new();
        for number in 1.. {
            let action = format!("s3 UploadPart {number} of {place}");
            let (rest, bytes) = next_part(file, size).await.map_err(|error| AwsError {
                action: action.clone(),
                trouble: Trouble::Other,
                message: format!("cannot read the temporary file: {error}"),
            })?;
            file = rest;
            if bytes.is_empty() {
                break;
            }
            let taken = self
                .client
                .upload_part()
                .bucket(&place.bucket)
                .key(&place.key)
                .upload_id(upload)
                .part_number(number)
                .body(ByteStream::from(bytes))
                .send()
                .await
                .map_err(|error| AwsError::new(&action, &error))?;
            let part = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(taken.e_tag)
                .set_checksum_crc32(taken.checksum_crc32)
                .set_checksum_crc64_nvme(taken.checksum_crc64_nvme);
            parts.push(part.build());
        }
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        self.client
            .complete_multipart_upload()
            .bucket(&place.bucket)
            .key(&place.key)
            .upload_id(upload)
            .multipart_upload(whole)
            .send()
            .await
            .map_err(|error| {
                AwsError::new(format!("s3 CompleteMultipartUpload {place}"), &error)
            })?;
        Ok(())
    }
}

/// The next bytes of a file, at most so many, with the file to go on with. On a thread of its own,
/// because a disk may be slow.
async fn next_part(mut file: File, bytes_max: u64) -> io::Result<(File, Vec<u8>)> {
    tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(bytes_max).read_to_end(&mut bytes)?;
        Ok((file, bytes))
    })
    .await
    .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_key() {
        let place: S3Address = "s3://lake/a/b.csv".parse().unwrap();
        assert_eq!((place.bucket.as_str(), place.key.as_str()), ("lake", "a/b.csv"));
        assert_eq!(place.to_string(), "s3://lake/a/b.csv");
        for wrong in ["s3://lake", "s3://lake/", "s3:///x", "lake/x", "s3://lake/folder/"] {
            assert!(wrong.parse::<S3Address>().is_err(), "{wrong}");
        }
    }
}
