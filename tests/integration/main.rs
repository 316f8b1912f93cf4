mod report;
mod tidy;
