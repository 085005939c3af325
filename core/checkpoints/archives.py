"""Zip archives: torch's own files are some, and so are programs, arrays and whatever else is not a checkpoint."""

import zipfile

SCRIPT = "torch.save(torch.jit.load('old.pt').state_dict(), 'weights.pt')"
EXPORTED = "torch.save(torch.export.load('old.pt2').state_dict, 'weights.pt')"
PROGRAMS = ("archive_format", "serialized_exported_program.json", "models/model.json")  # of torch.export


def kind_of_archive(archive: zipfile.ZipFile, size: int) -> str:
    """Why an archive of `size` bytes is not a checkpoint, the end of a sentence; "" for torch's own.

    Nothing in one of torch's files is compressed, so what it holds is no larger than itself.
    """
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        return f"is a TorchScript program, and programs are not run here: save its weights, {SCRIPT}"
    if any(name.endswith(PROGRAMS) for name in names):
        return f"is a program of torch.export, and programs are not run here: save its weights, {EXPORTED}"
    if names and all(name.endswith(".npy") for name in names):
        return "holds NumPy arrays: load them and write torch.save({name: torch.from_numpy(array), ...}, 'weights.pt')"
    if sum(name.endswith("/data.pkl") or name == "data.pkl" for name in names) != 1:
        return "is a zip archive of other things: unpack it, and give the checkpoint in it"
    records = archive.infolist()
    if any(one.compress_type != zipfile.ZIP_STORED for one in records) or sum(one.file_size for one in records) > size:
        return "is compressed, which torch.save never does: unpack it, and zip it again without compression (zip -0)"
    return ""
