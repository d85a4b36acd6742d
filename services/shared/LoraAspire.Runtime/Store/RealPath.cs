using System.Runtime.InteropServices;

namespace LoraAspire.Runtime.Store;

/// <summary>Where a path ends when the links of every part are followed, as the kernel follows them.</summary>
internal static class RealPath
{
    /// <exception cref="FileNotFoundException">Nothing is there, or a link leads nowhere.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder on the way may not be entered.</exception>
    /// <exception cref="IOException">A link leads in a circle.</exception>
    public static string Of(string path)
    {
        var real = Libc.RealPath(path, 0);
        if (real == 0)
        {
            throw Libc.LastError switch
            {
                Libc.NoEntry or Libc.NotADirectory => new FileNotFoundException($"Nothing is at {path}.", path),
                Libc.AccessDenied => new UnauthorizedAccessException($"Access to the path '{path}' is denied."),
                var error => new IOException($"{path}: {Libc.WordsOf(error)}", error),
            };
        }
        try
        {
            return Marshal.PtrToStringUTF8(real)!;
        }
        finally
        {
            Libc.Free(real);
        }
    }

    /// <summary>Whether a path lies below a folder, by the letters of both: they must be full or real already.</summary>
    public static bool IsInside(string path, string root) =>
        path.StartsWith(root.EndsWith(Path.DirectorySeparatorChar) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
