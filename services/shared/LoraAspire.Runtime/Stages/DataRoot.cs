using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Stages;

/// <summary>The one folder that data paths of a pipeline may name files in.</summary>
public sealed class DataRoot(string root)
{
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The full path of a file named in the YAML.</summary>
    /// <exception cref="StageException">The path, or the target of a link in it, lies outside the root; or no such file.</exception>
    public string Resolve(string relative)
    {
        var full = Path.GetFullPath(Path.Combine(Root, relative));
        if (!IsInside(full, Root))
        {
            throw new StageException($"'{relative}' leaves the data root {Root}. Put the file under it, or start with LORA_DATA set to the folder that holds your data.");
        }
        if (!File.Exists(full))
        {
            throw new StageException($"No file '{relative}' under the data root {Root}. Copy it there, or start with LORA_DATA set to the folder that holds your data.");
        }
        if (!IsInside(RealPath(full), RealPath(Root)))
        {
            throw new StageException($"'{relative}' is a link to a file outside the data root {Root}. Copy the file instead.");
        }
        return full;
    }

    private static bool IsInside(string path, string root) =>
        path.StartsWith(root.EndsWith(Path.DirectorySeparatorChar) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The path with the links of every part followed.</summary>
    private static string RealPath(string path)
    {
        var real = Path.GetPathRoot(path)!;
        foreach (var part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            FileSystemInfo info = Directory.Exists(real) ? new DirectoryInfo(real) : new FileInfo(real);
            real = info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? real;
        }
        return real;
    }
}
