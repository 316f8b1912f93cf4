//! The container that the program runs in, where that is one of ECS: its size is what it is billed
//! by. ECS's task metadata endpoint tells it, version 4 (Amazon ECS developer guide, "Amazon ECS
//! task metadata v4 JSON response for tasks on Fargate": `Limits`, processors in vCPUs and memory
//! in mebibytes).

use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::Download;

/// Where ECS says that the endpoint is.
const ENDPOINT_VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";
/// It is on the same machine: what takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The size of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSize {
    /// Thousandths of a vCPU.
    pub milli_vcpu: u64,
    /// Mebibytes of memory.
    pub memory_mib: u64,
}

/// The size of the task's containers together; `None` outside ECS, and where ECS does not tell:
/// nothing but an estimate depends on it.
pub async fn container_size() -> Option<ContainerSize> {
    let endpoint = std::env::var(ENDPOINT_VARIABLE).ok()?;
    let answer = tokio::time::timeout(PATIENCE, read(&format!("{endpoint}/task"))).await.ok()??;
    size_of(&answer)
}

async fn read(url: &str) -> Option<Vec<u8>> {
    let mut download = Download::open(url).await.ok()?;
    let mut answer = Vec::new();
    while let Some(piece) = download.next().await.ok()? {
        answer.extend(piece);
        if answer.len() > ANSWER_BYTES_MAX {
            return None;
        }
    }
    Some(answer)
}

fn size_of(answer: &[u8]) -> Option<ContainerSize> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Task {
        limits: Limits,
    }
    #[derive(Deserialize)]
    struct Limits {
        #[serde(rename = "CPU")]
        cpu: serde_json::Number,
        #[serde(rename = "Memory")]
        memory: u64,
    }
    let Limits { cpu, memory } = serde_json::from_slice::<Task>(answer).ok()?.limits;
    let vcpu = Decimal::from_str_exact(&cpu.to_string()).ok()?;
    let milli_vcpu = (vcpu * Decimal::ONE_THOUSAND).round().to_u64()?;
    Some(ContainerSize { milli_vcpu, memory_mib: memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_task_are_read() {
        let answer = br#"{"Family":"runledger-report","Limits":{"CPU":0.25,"Memory":1024},"X":[]}"#;
        let size = ContainerSize { milli_vcpu: 250, memory_mib: 1_024 };
        assert_eq!(size_of(answer), Some(size));
        assert_eq!(size_of(br#"{"Limits":{"CPU":4,"Memory":30720}}"#).unwrap().milli_vcpu, 4_000);
        for odd in ["", "{}", r#"{"Limits":{"CPU":-1,"Memory":1}}"#] {
            assert_eq!(size_of(odd.as_bytes()), None, "{odd}");
        }
    }
}
