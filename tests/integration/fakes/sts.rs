//! STS in its query protocol: forms in, XML out.

use std::collections::BTreeMap;

use super::{Answer, Asked};

/// Which roles there are to assume.
#[derive(Default)]
pub(crate) struct Sts {
    roles: BTreeMap<String, Role>,
}

/// A role: the account it opens, and the external id that it demands.
struct Role {
    account: String,
    external_id: Option<String>,
}

impl Sts {
    /// Adds a role that opens an account, and returns its ARN.
    pub(crate) fn add_role(&mut self, account: &str, external_id: Option<&str>) -> String {
        let arn = format!("arn:aws:iam::{account}:role/runledger-reader");
        let role =
            Role { account: account.to_owned(), external_id: external_id.map(str::to_owned) };
        self.roles.insert(arn.clone(), role);
        arn
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        match asked.operation.as_str() {
            "GetCallerIdentity" => identity(&asked.account),
            "AssumeRole" => self.assume(asked),
            other => error("InvalidAction", other),
        }
    }

    fn assume(&self, asked: &Asked) -> Answer {
        let arn = asked.input["RoleArn"].as_str().unwrap_or("");
        let given = asked.input["ExternalId"].as_str();
        let Some(role) = self.roles.get(arn).filter(|role| role.external_id.as_deref() == given)
        else {
            let message = format!(
                "User: arn:aws:iam::{}:user/x is not authorized to perform: sts:AssumeRole on \
                 resource: {arn}",
                asked.account
            );
            return error("AccessDenied", &message);
        };
        let (account, session) =
            (&role.account, asked.input["RoleSessionName"].as_str().unwrap_or(""));
        let body = format!(
            r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROA:{session}</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/runledger-reader/{session}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></AssumeRoleResponse>"#
        );
        Answer { status: 200, error_type: None, body }
    }
}

fn identity(account: &str) -> Answer {
    let body = format!(
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{account}:user/x</Arn><UserId>AIDA</UserId><Account>{account}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
    );
    Answer { status: 200, error_type: None, body }
}

/// An error as the query protocol writes it.
pub(crate) fn error(code: &str, message: &str) -> Answer {
    let body = format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"#
    );
    Answer { status: 403, error_type: None, body }
}
