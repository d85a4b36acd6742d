namespace LoraAspire.Runtime.Store;

/// <summary>What a run makes of people's data is for the user that runs it: folders 0700, files 0600, published files 0400.</summary>
public static class PrivateFolder
{
    public const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    public const UnixFileMode PublishedMode = UnixFileMode.UserRead;

    private const uint OthersMask = 0x3F; // 077

    public static string Create(string folder) => Directory.CreateDirectory(folder, FolderMode).FullName;

    /// <summary>For the whole process from now on, so that what stages and libraries write by themselves is private too.</summary>
    public static void MaskOthers()
    {
        if (!OperatingSystem.IsWindows())
        {
            Libc.Mask(OthersMask);
        }
    }

    /// <summary>
    /// Creates the folder, or takes others' rights from one that an earlier version made. What can't be done now is told where the folder
    /// is first needed.
    /// </summary>
    public static void TryClaim(string folder)
    {
        try
        {
            Create(folder);
            if ((File.GetUnixFileMode(folder) & ~FolderMode) != 0)
            {
                File.SetUnixFileMode(folder, FolderMode);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A full or read-only disk, or another user's folder that we may work in.
        }
    }
}
