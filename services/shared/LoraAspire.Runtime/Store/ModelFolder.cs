using System.Text.RegularExpressions;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// The files of a model's folder. The folder itself may be a link to anywhere: who put it under the models root chose that. A link inside
/// came with the model. It may lead to what lies in the folder, under the models root, or in the tree of the Hugging Face cache that the
/// folder is a snapshot of (models--ORG--NAME/snapshots/COMMIT with links to
/// ../../blobs). Weights alone may lie anywhere, since people keep them on other disks: of such a file nothing but tensors is ever read.
/// </summary>
internal sealed partial class ModelFolder
{
    private const int MostEntries = 10_000;
    private static readonly string[] Weights = [".safetensors", ".bin"];

    private readonly string _name;
    private readonly List<string> _roots;
    private readonly List<(string Name, string Path)> _files = [];
    private int _entries;

    private ModelFolder(string name, string folder, string modelsRoot)
    {
        _name = name;
        var real = RealPath.Of(folder);
        _roots = [real, RealPath.Of(modelsRoot)];
        if (SnapshotForm().Match(real) is { Success: true } snapshot)
        {
            _roots.Add(snapshot.Groups[1].Value);
        }
    }

    /// <summary>Name within the folder, with slashes, and real path of every file but hidden ones; in ordinal order of names.</summary>
    /// <exception cref="StageException">The folder holds something that a model doesn't: a link out of it or to nothing, a circle of links,
    /// a pipe or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder may not be read.</exception>
    public static IReadOnlyList<(string Name, string Path)> Files(string name, string folder, string modelsRoot)
    {
        ModelFolder model = new(name, folder, modelsRoot);
        model.Walk(folder, "", [RealPath.Of(folder)]);
        return model._files.Count == 0
            ? throw new StageException($"The model folder {folder} is empty.")
            : [.. model._files.OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <param name="above">Real paths from the top down to this folder.</param>
    private void Walk(string folder, string prefix, IReadOnlyList<string> above)
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(folder))
        {
            var name = prefix + Path.GetFileName(path);
            if (Path.GetFileName(path).StartsWith('.'))
            {
                continue;
            }
            if (++_entries > MostEntries)
            {
                throw Wrong($"it holds more than {MostEntries} files. Name the folder of one model.");
            }
            var (kind, real) = Find(name, path);
            switch (kind)
            {
                case FileKind.File:
                    _files.Add((name, real));
                    break;
                case FileKind.Folder when above.Contains(real):
                    throw Wrong($"'{name}' is a link to a folder above it. Remove the link.");
                case FileKind.Folder:
                    Walk(path, name + "/", [.. above, real]);
                    break;
                default:
                    throw Wrong($"'{name}' is {kind.Article()}. A model folder holds regular files; remove it.");
            }
        }
    }

    private (FileKind Kind, string Real) Find(string name, string path)
    {
        var isLink = FileEntry.At(path, follow: false).Kind == FileKind.Link;
        try
        {
            var (kind, real) = (FileEntry.At(path).Kind, RealPath.Of(path));
            if (!_roots.Exists(root => RealPath.IsInside(real, root) || real == root) && !IsWeights(kind, name, real))
            {
                throw Wrong(
                    $"'{name}' leads to {real}, outside the folder and the models root. Copy the file instead, or link the whole folder.");
            }
            return (kind, real);
        }
        catch (FileNotFoundException) when (isLink)
        {
            throw Wrong($"'{name}' is a link to {new FileInfo(path).LinkTarget}, and nothing is there. Download the model again, or "
                + "remove the link.");
        }
        catch (IOException error) when (isLink && error.HResult == Libc.LinkLoop)
        {
            throw Wrong($"'{name}' is a link that leads back to itself. Remove it.");
        }
    }

    private static bool IsWeights(FileKind kind, string name, string real) =>
        kind == FileKind.File && Weights.Contains(Path.GetExtension(name)) && Weights.Contains(Path.GetExtension(real));

    private StageException Wrong(string what) => new($"model:{_name}: {what}");

    [GeneratedRegex(@"^(.*/models--[^/]+)/snapshots/[^/]+(/|\z)")]
    private static partial Regex SnapshotForm();
}
