namespace LoraAspire.Trainer.Card;

/// <summary>The commit that a folder is checked out at, read from the repository's files: git need not be installed.</summary>
internal static class GitCommit
{
    private const int Sha1Length = 40;

    /// <summary>Null when neither the folder nor one above it is a repository with a commit.</summary>
    public static string? Of(string folder)
    {
        try
        {
            return Found(folder);
        }
        // A line of the card isn't worth a run: what stands there may be unreadable, or no repository at all.
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string? Found(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            var git = Path.Combine(at.FullName, ".git");
            if (Directory.Exists(git))
            {
                return Head(git, git);
            }
            // A worktree: "gitdir: DIR", whose branches are the main repository's.
            if (File.Exists(git) && File.ReadAllText(git).Trim() is ['g', 'i', 't', 'd', 'i', 'r', ':', .. var target])
            {
                var own = Path.GetFullPath(target.Trim(), at.FullName);
                var common = Path.Combine(own, "commondir");
                return Head(own, File.Exists(common) ? Path.GetFullPath(File.ReadAllText(common).Trim(), own) : own);
            }
        }
        return null;
    }

    private static string? Head(string own, string common)
    {
        var head = Path.Combine(own, "HEAD");
        return !File.Exists(head) ? null
            : File.ReadAllText(head).Trim() is var text && text.StartsWith("ref: ", StringComparison.Ordinal)
            ? Branch(common, text["ref: ".Length..])
            : Sha(text);
    }

    private static string? Branch(string common, string name)
    {
        var loose = Path.Combine(common, name);
        var packed = Path.Combine(common, "packed-refs");
        return File.Exists(loose) ? Sha(File.ReadAllText(loose).Trim())
            : File.Exists(packed) && File.ReadLines(packed)
                .FirstOrDefault(line => line.EndsWith(" " + name, StringComparison.Ordinal)) is { } line ? Sha(line.Split(' ')[0])
            : null;
    }

    private static string? Sha(string text) => text.Length >= Sha1Length && text.All(char.IsAsciiHexDigitLower) ? text : null;
}
