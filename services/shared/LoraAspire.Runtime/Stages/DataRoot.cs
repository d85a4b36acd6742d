using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Stages;

/// <summary>The one folder that data paths of a pipeline may name files in.</summary>
public sealed class DataRoot(string root)
{
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The full path of a file named in the YAML. It is a regular file: reading a pipe or a device could wait for ever.</summary>
    /// <exception cref="StageException">The path, or the target of a link in it, lies outside the root; or it names no file.</exception>
    public string Resolve(string relative)
    {
        if (relative.Contains('\0'))
        {
            throw new StageException($"'{relative.Replace("\0", "\\0")}' holds a NUL and names no file.");
        }
        var full = Path.GetFullPath(Path.Combine(Root, relative));
        if (!RealPath.IsInside(full, Root))
        {
            throw new StageException($"'{relative}' leaves the data root {Root}. Put the file under it, or start with LORA_DATA set to "
                + "the folder that holds your data.");
        }
        try
        {
            RequireFile(relative, full);
            if (!RealPath.IsInside(RealPath.Of(full), RealPath.Of(Root)))
            {
                throw new StageException($"'{relative}' is a link to a file outside the data root {Root}. Copy the file instead.");
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StageException($"'{relative}' under the data root {Root} can't be looked at: {error.Message}", inner: error);
        }
        return full;
    }

    private void RequireFile(string relative, string full)
    {
        switch (FileEntry.Find(full)?.Kind)
        {
            case FileKind.File:
                return;
            case null when FileEntry.Find(full, follow: false)?.Kind == FileKind.Link:
                throw new StageException($"'{relative}' under the data root {Root} is a link to {new FileInfo(full).LinkTarget}, and "
                    + "nothing is there. Copy the file instead.");
            case null:
                throw new StageException($"No file '{relative}' under the data root {Root}. Copy it there, or start with LORA_DATA set "
                    + "to the folder that holds your data.");
            case { } other:
                throw new StageException($"'{relative}' under the data root {Root} is {other.Article()}, not a file.");
        }
    }
}
