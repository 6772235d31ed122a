//! The journeys of a playbook as pictures, with what was counted at each step.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use throughline::{Playbook, Summary};

/// Writes `JOURNEY.mmd` (Mermaid) and `JOURNEY.dot` (Graphviz) of every journey into a folder, and answers with their names.
pub fn draw(playbook: &Playbook, summary: &Summary, folder: &Path) -> Result<Vec<String>, (PathBuf, io::Error)> {
    std::fs::create_dir_all(folder).map_err(|wrong| (folder.to_owned(), wrong))?;
    let mut taken = BTreeMap::new();
    for journey in playbook.journeys() {
        let Some(mut diagram) = journey.diagram() else { continue };
        summary.journey(journey.id().as_str()).count_into(&mut diagram);
        let plain = file_name(journey.id().as_str());
        let seen: &mut u32 = taken.entry(plain.clone()).or_default();
        *seen += 1;
        // Two names may look alike as files; so do two versions of one journey.
        let name = if *seen == 1 { plain } else { format!("{plain}-{seen}") };
        for (ending, content) in [("mmd", diagram.to_mermaid()), ("dot", diagram.to_graphviz())] {
            let path = folder.join(format!("{name}.{ending}"));
            std::fs::write(&path, content).map_err(|wrong| (path, wrong))?;
        }
    }
    Ok(taken.into_keys().collect())
}

/// What any file system takes.
fn file_name(journey: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    journey.chars().map(plain).collect()
}
