using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace LoraAspire.ServiceDefaults.Access;

/// <summary>
/// The key that a service asks for. Comparing takes the same time whatever is compared. Not a record: no text form of it may hold the key.
/// </summary>
internal sealed class ApiKey(string key)
{
    /// <summary>A browser can't send a header of its own choice with a page, so it is given this.</summary>
    public const string CookieName = "lora-key";

    /// <summary>
    /// Made from the key and not the key: what leaks from a browser opens no API of another host. A new key ends every login.
    /// </summary>
    public string Cookie { get; } =
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(CookieName)));

    /// <summary>Whether a request carries it, as <c>Authorization: Bearer</c> or as the cookie.</summary>
    public bool IsIn(HttpRequest request) =>
        (AuthenticationHeaderValue.TryParse(request.Headers.Authorization.ToString(), out var header)
            && header.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) && Is(header.Parameter))
        || (request.Cookies[CookieName] is { } cookie && Same(cookie, Cookie));

    public bool Is(string? given) => given is not null && Same(given, key);

    private static bool Same(string given, string wanted) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)),
            SHA256.HashData(Encoding.UTF8.GetBytes(wanted)));
}
