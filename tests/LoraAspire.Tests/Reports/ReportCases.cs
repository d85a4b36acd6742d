using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Reports;

/// <summary>
/// What people brought, as reports tell it: a folder each under <c>cases/reports</c>, with a README.txt of what is done and expected.
/// Links lie there as links or as small text files that hold where the link leads.
/// </summary>
public static class ReportCases
{
    private const int LongestLink = 512;

    /// <summary>
    /// A copy of a case with links in their places, in <paramref name="to"/>; skips the test, in words, when the case is not there.
    /// </summary>
    /// <returns>The copy's folder.</returns>
    public static string Copy(string name, string to)
    {
        var from = GoldenFolder.Require(GoldenFolder.SharedCases, Path.Combine("reports", name));
        var copy = Path.Combine(to, name);
        CopyFolder(from, copy, from);
        return copy;
    }

    private static void CopyFolder(string from, string to, string root)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in new DirectoryInfo(from).EnumerateFileSystemInfos())
        {
            var place = Path.Combine(to, entry.Name);
            if (LinkOf(entry) is { } link)
            {
                var target = Path.GetFullPath(link, from);
                var isInside = target.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
                File.CreateSymbolicLink(place, isInside ? link : target);
            }
            else if (entry is DirectoryInfo)
            {
                CopyFolder(entry.FullName, place, root);
            }
            else
            {
                File.WriteAllBytes(place, File.ReadAllBytes(entry.FullName));
            }
        }
    }

    private static string? LinkOf(FileSystemInfo entry)
    {
        if (entry.LinkTarget is { } target)
        {
            return target;
        }
        if (entry is not FileInfo { Length: > 0 and < LongestLink } file || File.ReadAllText(file.FullName) is not ['.', ..] text
            || text.Any(char.IsControl))
        {
            return null;
        }
        return Path.Exists(Path.GetFullPath(text, file.DirectoryName!)) ? text : null;
    }
}
