namespace LoraAspire.Runtime.Store;

/// <summary>What a run makes of people's data is for the user that runs it: folders 0700, files 0600, published files 0400.</summary>
public static class PrivateFolder
{
    public const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    public const UnixFileMode PublishedMode = UnixFileMode.UserRead;

    private const uint OthersMask = 0x3F; // 077

    public static string Create(string folder) => Directory.CreateDirectory(folder, FolderMode).FullName;

    /// <summary>For the whole process from now on, so that what stages and libraries write by themselves is private too.</summary>
    public static void MaskOthers() => Libc.Mask(OthersMask);

    /// <summary>Creates the folder, or takes others' rights from one that an earlier version made. A folder that isn't ours to change stays as it is.</summary>
    public static void Claim(string folder)
    {
        Create(folder);
        if ((File.GetUnixFileMode(folder) & ~FolderMode) != 0)
        {
            try
            {
                File.SetUnixFileMode(folder, FolderMode);
            }
            catch (UnauthorizedAccessException)
            {
                // Another user's, who lets us work in it.
            }
        }
    }
}
